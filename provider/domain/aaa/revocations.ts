import type { DatabaseSync } from "node:sqlite";

/** Grants, and single tokens under them, that are worth nothing here any more, by the domain that gave them. */
export class Revocations {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** All tokens under it too. */
  add(home: string, grant: string): void {
    this.#database.prepare("INSERT INTO revocations VALUES (?, ?) ON CONFLICT DO NOTHING").run(home, grant);
  }

  addToken(home: string, grant: string, token: string): void {
    const insert = "INSERT INTO revoked_tokens VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    this.#database.prepare(insert).run(home, grant, token);
  }

  has(home: string, grant: string): boolean {
    const select = "SELECT 1 FROM revocations WHERE home = ? AND grant_id = ?";
    return this.#database.prepare(select).get(home, grant) !== undefined;
  }

  /** Whether that one was revoked by itself. */
  hasToken(home: string, grant: string, token: string): boolean {
    const select = "SELECT 1 FROM revoked_tokens WHERE home = ? AND grant_id = ? AND token = ?";
    return this.#database.prepare(select).get(home, grant, token) !== undefined;
  }
}
