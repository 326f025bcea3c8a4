import { reasonOf, TurntableError } from "../errors.ts";
import { type Attachment, reshape } from "../lightpath/attachment.ts";
import type { Connection, Lightpath, Modification } from "../lightpath/lightpath.ts";
import type { Permit } from "./authorize.ts";
import type { Move } from "./move.ts";

/** What moves share of a lit path: the connection, if it is one, and the hosts' ends of it, as they are now. */
export class SharedPath {
  readonly rttMs: number;
  #connection: Connection | undefined;
  #ends: readonly [Attachment, Attachment];
  #last: Promise<unknown> = Promise.resolve();

  constructor(connection: Connection | undefined, ends: readonly [Attachment, Attachment], rttMs: number) {
    this.#connection = connection;
    this.#ends = ends;
    this.rttMs = rttMs;
  }

  get connection(): Connection | undefined {
    return this.#connection;
  }

  get ends(): readonly [Attachment, Attachment] {
    return this.#ends;
  }

  /** One thing at a time is done about it, whichever move asks. */
  async inTurn<T>(act: () => Promise<T>): Promise<T> {
    const mine = this.#last.then(act);
    this.#last = mine.catch(() => undefined);
    return await mine;
  }

  /** For every move on it. First the domains, then the hosts: what they send fits the way at every moment. */
  async modify(change: (connection: Connection) => Promise<Connection>): Promise<void> {
    if (this.#connection === undefined) return;
    const modified = await change(this.#connection);
    this.#connection = modified;
    const { bandwidthMbps } = modified;
    const [from, to] = this.#ends;
    if (bandwidthMbps === from.bandwidthMbps) return;
    await Promise.all([from, to].map((end) => reshape({ ...end, bandwidthMbps })));
    this.#ends = [
      { ...from, bandwidthMbps },
      { ...to, bandwidthMbps },
    ];
  }
}

/** What a path carries from now on, or why not more. */
export type Raised = { readonly bandwidthMbps: number } | { readonly refused: string };

/** Which move asks, by what right, and whom. */
export interface Asker {
  readonly move: Move;
  readonly permit: Permit | undefined;
  readonly lightpath: Lightpath | undefined;
}

/**
 * Has the path carry the most that this move declared: every domain on the way, then both hosts. What one of several
 * moves has raised is raised for all of them, and stays until the last one is off. Never rejects: a path that is not raised
 * is as it was.
 */
export async function raise(path: SharedPath, asker: Asker): Promise<Raised> {
  const { path: choice } = asker.move;
  if (choice.kind === "fixed") return { refused: "it is a fixed one" };
  if (choice.kind === "reserved") return { refused: `it was declared, with ${choice.bandwidthMbps} Mbps` };
  if (choice.kind === "nsi") return { refused: `it is that of ${choice.provider}, of which no more is asked` };
  const { maxBandwidthMbps } = choice;
  if (maxBandwidthMbps === undefined) return { refused: "no maxBandwidthMbps is declared for it" };
  try {
    return await path.inTurn(async () => {
      const [{ bandwidthMbps: now }] = path.ends;
      if (now >= maxBandwidthMbps) return { refused: `${now} Mbps are the most that is declared for it` };
      await path.modify((connection) => modified(connection, asker, { bandwidthMbps: maxBandwidthMbps }));
      return { bandwidthMbps: maxBandwidthMbps };
    });
  } catch (thrown) {
    return { refused: reasonOf(thrown) };
  }
}

/** Has the reservation last until then, if it does not. Rejects with why it cannot; then it is as it was. */
export async function extend(path: SharedPath, asker: Asker, untilMs: number): Promise<void> {
  if (asker.move.path.kind === "reserved") {
    throw new TurntableError("move.failed", "it is that of a declared Lightpath, which a move does not change", {
      ...{
        retry: "never",
        next: "Declare a Lightpath (and its AuthToken) with a later window, or one of more bandwidth.",
      },
    });
  }
  const end = new Date(Math.ceil(untilMs)).toISOString();
  await path.inTurn(async () => {
    await path.modify(async (connection) => {
      if (Date.parse(connection.window.end) >= untilMs) return connection;
      return await modified(connection, asker, { end });
    });
  });
}

async function modified(connection: Connection, { move, permit, lightpath }: Asker, change: Omit<Modification, "vm">) {
  if (permit === undefined || lightpath === undefined) throw new TypeError("a connection is there by a permit");
  const { bandwidthMbps = connection.bandwidthMbps, end = connection.window.end } = change;
  const token = await permit.tokenFor(bandwidthMbps, end);
  return await lightpath.modify(connection.connectionId, { vm: move.vm.name, ...change }, token);
}
