import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { atOnce } from "../../at-once.ts";
import type { RiderStore } from "../stored/riders.ts";

const names = z.array(z.object({ vm: z.string() }));

/** Riders in SQLite. */
export class SqliteRiders implements RiderStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  async board(connection: string, vm: string, untilMs: number): Promise<void> {
    board(this.#database, connection, vm, untilMs);
  }

  async leave(connection: string, vm: string, nowMs: number): Promise<readonly string[]> {
    return atOnce(this.#database, () => {
      this.#database.prepare("DELETE FROM riders WHERE connection = ? AND vm = ?").run(connection, vm);
      return this.#aboard(connection, nowMs);
    });
  }

  async aboard(connection: string, nowMs: number): Promise<readonly string[]> {
    return this.#aboard(connection, nowMs);
  }

  #aboard(connection: string, nowMs: number): readonly string[] {
    const select = "SELECT vm FROM riders WHERE connection = ? AND until > ? ORDER BY vm";
    return names.parse(this.#database.prepare(select).all(connection, nowMs)).map(({ vm }) => vm);
  }
}

/** In the transaction, if there is one, of what it belongs to. */
export function board(database: DatabaseSync, connection: string, vm: string, untilMs: number): void {
  database.prepare("INSERT OR REPLACE INTO riders VALUES (?, ?, ?)").run(connection, vm, untilMs);
}
