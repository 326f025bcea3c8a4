/** Which VMs use a connection that this domain coordinates, each until its right ends. Each method is one unit, as of ConnectionStore. */
export interface RiderStore {
  /** One more. One that uses it already does so until then instead. */
  board(connection: string, vm: string, untilMs: number): Promise<void>;
  /** It uses it no more; one that does not is fine. Resolves with those that still do. */
  leave(connection: string, vm: string, nowMs: number): Promise<readonly string[]>;
  /** By name. */
  aboard(connection: string, nowMs: number): Promise<readonly string[]>;
}
