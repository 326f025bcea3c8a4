import type { Credential } from "../../aaa/credential.ts";
import type { Connection } from "../../lightpath/drac/wire.ts";
import { Refused } from "../refused.ts";
import type { Part } from "./part.ts";
import type { RiderStore } from "./stored/riders.ts";

/**
 * Which VMs use a connection that this domain coordinates: the one that it was reserved for, and those that joined,
 * each by consent of every domain on the way.
 */
export class Riders {
  readonly #store: RiderStore;
  readonly #partOf: (domain: string) => Part;

  constructor(store: RiderStore, partOf: (domain: string) => Part) {
    this.#store = store;
    this.#partOf = partOf;
  }

  /** One more, if every domain admits its token: all of them or none. `untilMs`: when its right to it ends. */
  async join(connection: Connection, vm: string, right: Credential, untilMs: number): Promise<void> {
    const { connectionId } = connection;
    await this.#store.board(connectionId, vm, untilMs);
    const outcomes = await this.#everywhere(connection, (part) => part.join(connectionId, vm, right));
    const failure = outcomes.find((one) => one.status === "rejected");
    if (failure === undefined) return;
    // Where even that fails the ride ends with the right to it.
    await this.leave(connection, vm).catch(() => undefined);
    throw failure.reason;
  }

  /** Resolves with whether any VM is left; if so, every domain was told. */
  async leave(connection: Connection, vm: string): Promise<boolean> {
    const { connectionId } = connection;
    const left = await this.#store.leave(connectionId, vm, Date.now());
    if (left.length === 0) return false;
    const outcomes = await this.#everywhere(connection, (part) => part.leave(connectionId, vm));
    const failure = outcomes.find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
    return true;
  }

  /** Only who uses a connection has a say in it: rejects with Refused (403). */
  async requireAboard({ connectionId }: Connection, vm: string): Promise<void> {
    if ((await this.#aboard(connectionId)).includes(vm)) return;
    throw new Refused(403, "connection.foreign", `${vm} does not use ${connectionId}`);
  }

  /** What others use is neither put out, nor lessened, nor given back: rejects with Refused (409). */
  async requireNoOther({ connectionId, vm }: Pick<Connection, "connectionId" | "vm">): Promise<void> {
    const others = (await this.#aboard(connectionId)).filter((other) => other !== vm);
    if (others.length === 0) return;
    throw new Refused(409, "connection.shared", `${connectionId} is used by ${others.join(", ")} too`);
  }

  async #aboard(connectionId: string): Promise<readonly string[]> {
    return await this.#store.aboard(connectionId, Date.now());
  }

  async #everywhere({ segments }: Connection, act: (part: Part) => Promise<void>) {
    return await Promise.allSettled(segments.map(async ({ domain }) => await act(this.#partOf(domain))));
  }
}
