import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Connection } from "../../lightpath/drac/wire.ts";
import { Refused } from "../refused.ts";
import type { Part } from "./part.ts";

const names = z.array(z.object({ vm: z.string() }));

/**
 * Which VMs use a connection that this domain coordinates: the one that it was reserved for, and those that joined,
 * each by consent of every domain on the way.
 */
export class Riders {
  readonly #database: DatabaseSync;
  readonly #partOf: (domain: string) => Part;

  constructor(database: DatabaseSync, partOf: (domain: string) => Part) {
    this.#database = database;
    this.#partOf = partOf;
  }

  /** The VM that it is reserved for. */
  own({ connectionId, vm, window }: Connection): void {
    this.#board(connectionId, vm, Date.parse(window.end));
  }

  /** One more, if every domain admits its token: all of them or none. `untilMs`: when its right to it ends. */
  async join(connection: Connection, vm: string, token: string, untilMs: number): Promise<void> {
    const { connectionId } = connection;
    this.#board(connectionId, vm, untilMs);
    const outcomes = await this.#everywhere(connection, (part) => part.join(connectionId, vm, token));
    const failure = outcomes.find((one) => one.status === "rejected");
    if (failure === undefined) return;
    // Where even that fails the ride ends with the right to it.
    await this.leave(connection, vm).catch(() => undefined);
    throw failure.reason;
  }

  /** Resolves with whether any VM is left; if so, every domain was told. */
  async leave(connection: Connection, vm: string): Promise<boolean> {
    const { connectionId } = connection;
    this.#database.prepare("DELETE FROM riders WHERE connection = ? AND vm = ?").run(connectionId, vm);
    if (this.#aboard(connectionId).length === 0) return false;
    const outcomes = await this.#everywhere(connection, (part) => part.leave(connectionId, vm));
    const failure = outcomes.find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    return true;
  }

  /** Its right to the connection now lasts as long as the connection. One that does not ride is left as it is. */
  stays({ connectionId, window }: Connection, vm: string): void {
    const update = "UPDATE riders SET until = ? WHERE connection = ? AND vm = ?";
    this.#database.prepare(update).run(Date.parse(window.end), connectionId, vm);
  }

  /** Only who uses a connection has a say in it: throws Refused (403). */
  requireAboard({ connectionId }: Connection, vm: string): void {
    if (this.#aboard(connectionId).includes(vm)) return;
    throw new Refused(403, "connection.foreign", `${vm} does not use ${connectionId}`);
  }

  /** What others use is neither put out, nor lessened, nor given back: throws Refused (409). */
  requireNoOther({ connectionId, vm }: Pick<Connection, "connectionId" | "vm">): void {
    const others = this.#aboard(connectionId).filter((other) => other !== vm);
    if (others.length === 0) return;
    throw new Refused(409, "connection.shared", `${connectionId} is used by ${others.join(", ")} too`);
  }

  #board(connectionId: string, vm: string, untilMs: number): void {
    this.#database.prepare("INSERT OR REPLACE INTO riders VALUES (?, ?, ?)").run(connectionId, vm, untilMs);
  }

  #aboard(connectionId: string): readonly string[] {
    const select = "SELECT vm FROM riders WHERE connection = ? AND until > ?";
    return names.parse(this.#database.prepare(select).all(connectionId, Date.now())).map(({ vm }) => vm);
  }

  async #everywhere({ segments }: Connection, act: (part: Part) => Promise<void>) {
    return await Promise.allSettled(segments.map(async ({ domain }) => await act(this.#partOf(domain))));
  }
}
