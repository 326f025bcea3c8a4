import type { DatabaseSync } from "node:sqlite";

/** Grants whose tokens are worth nothing here any more, by the domain that gave them. */
export class Revocations {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  add(home: string, grant: string): void {
    this.#database.prepare("INSERT INTO revocations VALUES (?, ?) ON CONFLICT DO NOTHING").run(home, grant);
  }

  has(home: string, grant: string): boolean {
    const select = "SELECT 1 FROM revocations WHERE home = ? AND grant_id = ?";
    return this.#database.prepare(select).get(home, grant) !== undefined;
  }
}
