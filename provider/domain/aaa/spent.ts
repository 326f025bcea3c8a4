import type { DatabaseSync } from "node:sqlite";

/** What was used once and must not be used again. Kept on disk, so that a restart forgives no replay. */
export class Spent {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** False if it was spent already. `issuer`: whose number it is; `expiresMs`: after which it is refused anyway. */
  spend(issuer: string, jti: string, expiresMs: number): boolean {
    this.#database.prepare("DELETE FROM spent_assertions WHERE expires < ?").run(Date.now());
    const insert = "INSERT INTO spent_assertions VALUES (?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#database.prepare(insert).run(issuer, jti, expiresMs).changes === 1;
  }
}
