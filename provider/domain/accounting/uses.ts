import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";

const row = z.object({ since: z.number(), bytes: z.number().nullable() });

/** A connection, by who coordinates it and its number there. */
interface Connection {
  readonly coordinator: string;
  readonly connection: string;
}

/** Since when each connection is lit, and how much its switch had carried then: what its use is reckoned from. */
export class Uses {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** False if it was lit already. `bytes`: what the switch's counters show; undefined if it has none. */
  begin({ coordinator, connection }: Connection, bytes: number | undefined): boolean {
    const insert = "INSERT INTO uses VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING";
    return this.#database.prepare(insert).run(coordinator, connection, Date.now(), bytes ?? null).changes === 1;
  }

  /** How long it was lit and what it carried; undefined if it was not lit. Counters that began anew tell nothing. */
  end({ coordinator, connection }: Connection, bytes: number | undefined) {
    const found = this.#database
      .prepare("SELECT * FROM uses WHERE coordinator = ? AND id = ?")
      .get(coordinator, connection);
    if (found === undefined) return undefined;
    this.#database.prepare("DELETE FROM uses WHERE coordinator = ? AND id = ?").run(coordinator, connection);
    const use = row.parse(found);
    const seconds = Math.max(0, Math.round((Date.now() - use.since) / 1_000));
    const carried = bytes === undefined || use.bytes === null ? -1 : bytes - use.bytes;
    return { seconds, ...(carried < 0 ? {} : { bytes: carried }) };
  }
}
