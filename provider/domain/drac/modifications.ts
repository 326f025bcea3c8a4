import type { Credential } from "../../aaa/credential.ts";
import type { Connection, ModifyRequest } from "../../lightpath/drac/wire.ts";
import { Refused } from "../refused.ts";
import type { Part } from "./part.ts";
import type { ModificationStore, StoredModification } from "./stored/modifications.ts";
import { firstFailure } from "./unison.ts";

export interface ModificationParts {
  readonly store: ModificationStore;
  readonly partOf: (domain: string) => Part;
}

/**
 * Gives a connection another rate or end, at all the domains on its way or at none (NSI CS v2: a new version is reserved,
 * then committed or aborted). Each domain keeps what both versions take until it is told that the new one stands, so that
 * it can always go back; whatever is not agreed by all is undone, also after a restart. All in the connection's turn.
 */
export class Modifications {
  readonly #parts: ModificationParts;

  constructor(parts: ModificationParts) {
    this.#parts = parts;
  }

  /** The new version. The same request again is answered again, and done once. Rejects with Refused, nothing changed. */
  async make(
    connection: Connection,
    { requestId, vm, ...wish }: ModifyRequest,
    right: Credential,
  ): Promise<Connection> {
    const { store } = this.#parts;
    const { connectionId: id, window } = connection;
    const bandwidthMbps = wish.bandwidthMbps ?? connection.bandwidthMbps;
    const endMs = Date.parse(wish.end ?? window.end);
    await this.settle(connection);
    const modification = { request: requestId, vm, bandwidthMbps, endMs };
    const before = await store.begin(id, modification);
    if (before && isSame(before, { vm, ...wish })) return connection;
    if (before) throw new Refused(409, "request.used", `the request ${requestId} asked for something else before`);
    const failure = await this.#reserveAndCommit(connection, modification, right);
    if (failure !== undefined) {
      // What is still owed then is paid when the domain answers again.
      await this.#undo(connection, requestId).catch(() => undefined);
      throw failure;
    }
    const { connection: modified } = await store.agree(id, requestId);
    await this.#tell(modified, requestId).catch(() => undefined);
    return modified;
  }

  /** Pays what is owed: what was agreed is told, what was not is undone. Rejects if a domain does not answer. */
  async settle(connection: Connection): Promise<void> {
    for (const one of await this.#parts.store.open(connection.connectionId)) {
      if (one.phase === "agreed") await this.#tell(connection, one.request);
      else await this.#undo(connection, one.request);
    }
  }

  async #reserveAndCommit(connection: Connection, modification: Omit<StoredModification, "phase">, right: Credential) {
    const { connectionId: id } = connection;
    const { request } = modification;
    return (
      (await this.#everywhere(connection, (part) => part.holdModification(id, modification, right))) ??
      (await this.#everywhere(connection, (part) => part.commitModification(id, request)))
    );
  }

  async #undo(connection: Connection, request: string): Promise<void> {
    const { connectionId: id } = connection;
    const failure = await this.#everywhere(connection, (part) => part.abortModification(id, request));
    if (failure !== undefined) throw failure;
    await this.#parts.store.forget(id, request);
  }

  async #tell(connection: Connection, request: string): Promise<void> {
    const { connectionId: id } = connection;
    const failure = await this.#everywhere(connection, (part) => part.confirmModification(id, request));
    if (failure !== undefined) throw failure;
    await this.#parts.store.finish(id, request);
  }

  async #everywhere({ segments }: Connection, act: (part: Part) => Promise<void>): Promise<unknown> {
    const { partOf } = this.#parts;
    return firstFailure(await Promise.allSettled(segments.map(async ({ domain }) => await act(partOf(domain)))));
  }
}

/** What a request left out is what the connection had when it was made. */
function isSame(before: StoredModification, { vm, bandwidthMbps, end }: Omit<ModifyRequest, "requestId">): boolean {
  const sameRate = bandwidthMbps === undefined || bandwidthMbps === before.bandwidthMbps;
  const sameEnd = end === undefined || Date.parse(end) === before.endMs;
  return before.vm === vm && sameRate && sameEnd;
}
