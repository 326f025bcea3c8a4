import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Admitted } from "../aaa/authority.ts";
import { Refused } from "../refused.ts";

/** A connection, by who coordinates it and its number there. */
interface Served {
  readonly coordinator: string;
  readonly id: string;
}

const row = z.object({ coordinator: z.string(), id: z.string() });

/**
 * One use of each token: it serves for the connection that it first served for, as often as that takes, and for no other.
 * Kept on disk, so that a restart forgives no replay.
 */
export class TokenUses {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Throws Refused (403) if the token served for another connection, over or not. */
  requireUnused({ home, token }: Admitted, { coordinator, id }: Served): void {
    const found = this.#database.prepare("SELECT * FROM token_uses WHERE home = ? AND token = ?").get(home, token);
    if (found === undefined) return;
    const before = row.parse(found);
    if (before.coordinator === coordinator && before.id === id) return;
    throw new Refused(403, "token.used", `the token was used before, for ${before.id} of ${before.coordinator}`);
  }

  /** From now on it serves for this connection alone. Throws Refused (403) like `requireUnused`. */
  bind(admitted: Admitted, { coordinator, id }: Served): void {
    this.requireUnused(admitted, { coordinator, id });
    const insert = "INSERT INTO token_uses VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    this.#database.prepare(insert).run(admitted.home, admitted.token, coordinator, id);
  }
}
