import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { Refused } from "../refused.ts";

/** A VM that uses this domain's part of a connection that was reserved for another, by a token of its own. */
export interface Ride {
  readonly coordinator: string;
  /** The connection's. */
  readonly id: string;
  readonly vm: string;
  /** Which domain signed the token, and its number there. */
  readonly home: string;
  readonly token: string;
  readonly grant: string;
  readonly untilMs: number;
}

const row = z.object({ coordinator: z.string(), id: z.string(), vm: z.string(), ended: z.number() });

/** By which token which VM joined which connection. Ended rides stay, so that a token serves for one only. */
export class RideStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** Whether exactly this ride was begun before and lasts. Throws Refused (409) if its token served for another, or was used up. */
  isUnderWay({ home, token, coordinator, id, vm }: Omit<Ride, "untilMs">): boolean {
    const found = this.#database.prepare("SELECT * FROM rides WHERE home = ? AND token = ?").get(home, token);
    if (found === undefined) return false;
    const before = row.parse(found);
    const same = before.coordinator === coordinator && before.id === id && before.vm === vm;
    if (same && before.ended === 0) return true;
    throw new Refused(409, "token.used", `the token was used before, to join ${before.id}`);
  }

  begin({ home, token, coordinator, id, vm, grant, untilMs }: Ride): void {
    const insert = "INSERT INTO rides VALUES (?, ?, ?, ?, ?, ?, ?, 0)";
    this.#database.prepare(insert).run(home, token, coordinator, id, vm, grant, untilMs);
  }

  /** The VMs that joined a connection and use it still. */
  aboard(coordinator: string, id: string): readonly string[] {
    const select = "SELECT * FROM rides WHERE coordinator = ? AND id = ? AND ended = 0 AND until > ?";
    const found = this.#database.prepare(select).all(coordinator, id, Date.now());
    return z
      .array(row)
      .parse(found)
      .map(({ vm }) => vm);
  }

  /** A VM that does not ride is fine. */
  end(coordinator: string, id: string, vm: string): void {
    const update = "UPDATE rides SET ended = 1 WHERE coordinator = ? AND id = ? AND vm = ?";
    this.#database.prepare(update).run(coordinator, id, vm);
  }
}
