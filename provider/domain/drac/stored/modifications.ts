import { z } from "zod";
import type { StoredConnection } from "./connections.ts";

/**
 * `asked`: domains may hold a connection's new version, or have it in force: to be undone, unless all have.
 * `agreed`: all have; some may not know yet that it stands. `done`: all know.
 */
export const phase = z.enum(["asked", "agreed", "done"]);

/** A modification of a connection that this domain coordinates. */
export interface StoredModification {
  /** The client's own number of it. */
  readonly request: string;
  readonly vm: string;
  readonly bandwidthMbps: number;
  readonly endMs: number;
  readonly phase: z.output<typeof phase>;
}

/** What was asked to be modified, noted before the first domain hears of it. Each method is one unit, as of ConnectionStore. */
export interface ModificationStore {
  /** Asked, unless that request was asked before: then it resolves with what it asked for, and notes nothing. */
  begin(connection: string, wanted: Omit<StoredModification, "phase">): Promise<StoredModification | undefined>;
  /** Not over at every domain. */
  open(connection: string): Promise<readonly StoredModification[]>;
  /**
   * The decision, at once with what it decides: from now on the connection, with which it resolves, is the new version, and the
   * VM by whose right it was asked uses it as long. Its owner is told. Rejects unless it is asked.
   */
  agree(connection: string, request: string): Promise<StoredConnection>;
  /** All know. One that is not agreed stays as it is. */
  finish(connection: string, request: string): Promise<void>;
  /** It is undone everywhere: as if it had never been asked. One that is agreed stays as it is. */
  forget(connection: string, request: string): Promise<void>;
}
