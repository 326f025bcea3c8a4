import type { DatabaseSync } from "node:sqlite";

/**
 * All that is read and written meanwhile is of one state of the store, and what is written is on disk, or nothing of it. Not
 * within itself. It begins as a writer: one that became a writer later would be refused if another process wrote meanwhile.
 */
export function atOnce<T>(database: DatabaseSync, act: () => T): T {
  database.exec("BEGIN IMMEDIATE");
  try {
    const outcome = act();
    database.exec("COMMIT");
    return outcome;
  } catch (thrown) {
    database.exec("ROLLBACK");
    throw thrown;
  }
}
