import type { Notification } from "../../../lightpath/drac/wire.ts";

/** Who comes back after more than these has missed some. */
export const MOST_KEPT = 100_000;

/** A notification at its place among all that this domain gave. */
export interface Notice {
  readonly sequence: number;
  readonly notification: Notification;
}

/**
 * What became of the connections that this domain coordinates, for their owners: the latest of them, as ConnectionStore and
 * ModificationStore noted them. Once one can be read, none comes before it any more. Each method is one unit, as of ConnectionStore.
 */
export interface NoticeStore {
  /** All of an owner's after one of them, in order. */
  since(owner: string, after: number): Promise<readonly Notice[]>;
  /** The last one there is, whoever's: 0 if there was none yet. */
  last(): Promise<number>;
  /**
   * Has that called with an owner once there may be more of its to read. An implementation may hear only of what its own process
   * notes: where several agents share a database it takes that database's own word for it (LISTEN and NOTIFY, for one).
   */
  whenNoted(told: (owner: string) => void): void;
}
