import { z } from "zod";
import type { Connection, ConnectionState } from "../../../lightpath/drac/wire.ts";

/** What the coordinator set out to do at all domains and has not done at all of them yet. Logged before the first is asked. */
export const intent = z.enum(["commit", "provision", "release", "terminate"]);
export type Intent = z.output<typeof intent>;

/** A connection that this domain coordinates. */
export interface StoredConnection {
  readonly owner: string;
  readonly intent: Intent | undefined;
  readonly holdExpiresMs: number;
  readonly connection: Connection;
}

/** A request of a client, by its own number of it. */
export interface StoredRequest {
  readonly requestId: string;
  readonly wish: object;
}

/**
 * The connections that this domain coordinates. Each method, as of all these stores, is one unit: when it resolves all of it
 * is on disk, if it rejects nothing of it is, and what others do meanwhile comes before it or after it. No unit stays open
 * while its caller does something else. What becomes of a connection is noted for its owner in the same unit (NoticeStore).
 */
export interface ConnectionStore {
  /** A new one, which the VM that it is reserved for uses until its end (RiderStore). Rejects if there is one of that name. */
  insert(one: Omit<StoredConnection, "intent">): Promise<void>;
  find(id: string): Promise<StoredConnection | undefined>;
  /** What came of a request that was granted, and what it asked for. */
  findByRequest(owner: string, requestId: string): Promise<{ found: StoredConnection; wish: unknown } | undefined>;
  ownedBy(owner: string): Promise<readonly StoredConnection[]>;
  /** Whatever is not over, or not over everywhere. */
  open(): Promise<readonly StoredConnection[]>;
  setIntent(id: string, value: Intent): Promise<void>;
  /** Wherever the one is the intent it is the other instead. */
  replaceIntent(before: Intent, after: Intent): Promise<void>;
  /** The intent is fulfilled. Its owner is told if that is another state than before. */
  setState(id: string, state: ConnectionState): Promise<void>;
  /**
   * All domains hold their parts until then at least; whoever asks by the same request again finds it. Resolves with what it is
   * now: one that is held no more stays as it is. Rejects if that request has a connection already.
   */
  hold(id: string, expiresMs: number, request: StoredRequest | undefined): Promise<StoredConnection>;
}
