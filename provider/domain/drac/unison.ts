import type { Connection, ConnectionState } from "../../lightpath/drac/wire.ts";
import type { Part } from "./part.ts";
import type { ConnectionStore, Intent } from "./stored/connections.ts";

/** What a connection is once its intent is fulfilled at every domain. */
const OUTCOME = {
  commit: "reserved",
  provision: "provisioned",
  release: "reserved",
  terminate: "terminated",
} as const satisfies Record<Intent, ConnectionState>;

/** Has all the domains on a connection's way do the same: what is begun is logged, and owed until all have done it. */
export class Unison {
  readonly #store: ConnectionStore;
  readonly #partOf: (domain: string) => Part;

  constructor(store: ConnectionStore, partOf: (domain: string) => Part) {
    this.#store = store;
    this.#partOf = partOf;
  }

  /** Does it at all domains; if one fails, does the opposite at all, as far as they answer, and rejects with the first failure. */
  async everywhere(
    connection: Connection,
    intent: Intent,
    opposite: "release" | "terminate" | undefined,
    act: (part: Part) => Promise<void>,
  ): Promise<Connection> {
    const domains = connection.segments.map(({ domain }) => domain);
    const failure = await this.attempt(connection, intent, domains, act);
    if (failure !== undefined) {
      const { connectionId: id } = connection;
      if (opposite !== undefined) await this.attempt(connection, opposite, domains, (part) => part[opposite](id));
      throw failure;
    }
    return { ...connection, state: OUTCOME[intent] };
  }

  /** The intent is logged before the first domain is asked, and stays logged until all have done it. Resolves with the first failure. */
  async attempt(
    { connectionId }: Connection,
    intent: Intent,
    domains: readonly string[],
    act: (part: Part) => Promise<void>,
  ): Promise<unknown> {
    await this.#store.setIntent(connectionId, intent);
    const outcomes = await Promise.allSettled(domains.map(async (domain) => await act(this.#partOf(domain))));
    const failure = firstFailure(outcomes);
    if (failure === undefined) await this.#store.setState(connectionId, OUTCOME[intent]);
    return failure;
  }
}

export function firstFailure(outcomes: readonly PromiseSettledResult<unknown>[]): unknown {
  return outcomes.find((one) => one.status === "rejected")?.reason;
}
