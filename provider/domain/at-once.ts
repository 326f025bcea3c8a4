import type { DatabaseSync } from "node:sqlite";

/** All that is written meanwhile is on disk, or nothing of it. Not within itself. */
export function atOnce(database: DatabaseSync, write: () => void): void {
  database.exec("BEGIN");
  try {
    write();
    database.exec("COMMIT");
  } catch (thrown) {
    database.exec("ROLLBACK");
    throw thrown;
  }
}
