import { afterEach, beforeEach } from "vitest";
import type { ConnectionStore } from "../../../provider/domain/drac/stored/connections.ts";
import type { ModificationStore } from "../../../provider/domain/drac/stored/modifications.ts";
import type { NoticeStore } from "../../../provider/domain/drac/stored/notices.ts";
import type { RiderStore } from "../../../provider/domain/drac/stored/riders.ts";
import type { Connection } from "../../../provider/lightpath/drac/wire.ts";

/** What a coordinator keeps. */
export interface CoordinatorStores {
  readonly connections: ConnectionStore;
  readonly modifications: ModificationStore;
  readonly riders: RiderStore;
  readonly notices: NoticeStore;
}

export interface OpenCoordinatorStores {
  readonly stores: CoordinatorStores;
  /** The same again, as after a restart. */
  reopen(): Promise<CoordinatorStores>;
  close(): Promise<void>;
}

/** Stores with nothing in them, and how many notices they keep. */
export type OpenCoordinator = (mostKept: number) => Promise<OpenCoordinatorStores>;

export const HOUR_MS = 3_600_000;
export const START_MS = Date.UTC(2031, 4, 1, 12);
export const END_MS = START_MS + HOUR_MS;
export const MOST_KEPT = 5;
export const at = (ms: number): string => new Date(ms).toISOString();

export function connectionNamed(connectionId: string, more: Partial<Connection> = {}): Connection {
  return {
    ...{ connectionId, state: "held", from: "ams.example:a", to: "san.example:b", bandwidthMbps: 2.5, mtu: 9_000 },
    ...{ window: { start: at(START_MS), end: at(END_MS) }, vm: "web", rttMs: 0.75 },
    constraints: { maxDelayMs: 40, avoidDomains: ["east.example"] },
    segments: [
      { domain: "ams.example", in: { port: "a", channel: 0 }, out: { port: "x", channel: 3 } },
      { domain: "san.example", in: { port: "y", channel: 3 }, out: { port: "b", channel: 1 } },
    ],
    ...more,
  };
}

/** Stores of each test's own, and what is often done with them. */
export class World {
  readonly #open: OpenCoordinator;
  #opened: OpenCoordinatorStores | undefined;
  #stores: CoordinatorStores | undefined;

  /** In the suite that uses them. */
  constructor(open: OpenCoordinator) {
    this.#open = open;
    beforeEach(async () => {
      this.#opened = await this.#open(MOST_KEPT);
      this.#stores = this.#opened.stores;
    });
    afterEach(() => this.#opened?.close());
  }

  get stores(): CoordinatorStores {
    if (this.#stores === undefined) throw new TypeError("no test runs");
    return this.#stores;
  }

  async reopen(): Promise<void> {
    this.#stores = await this.#opened?.reopen();
  }

  async insert(id: string, owner = "alice", more: Partial<Connection> = {}): Promise<void> {
    await this.stores.connections.insert({ owner, holdExpiresMs: START_MS, connection: connectionNamed(id, more) });
  }

  async reserved(id: string): Promise<void> {
    await this.insert(id);
    await this.stores.connections.setState(id, "reserved");
  }

  async told(owner = "alice"): Promise<string[]> {
    const all = await this.stores.notices.since(owner, 0);
    return all.map(({ notification: { connectionId, what } }) => `${connectionId} ${what}`);
  }
}
