import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { type Notification, notification } from "../../../lightpath/drac/wire.ts";
import { MOST_KEPT, type Notice, type NoticeStore } from "../stored/notices.ts";

const row = z.object({ sequence: z.number(), connection: z.string(), what: z.string(), at: z.number() });

/** Notices in SQLite. Hears of what is noted by itself. */
export class SqliteNotices implements NoticeStore {
  readonly #database: DatabaseSync;
  readonly #mostKept: number;
  readonly #told: ((owner: string) => void)[] = [];

  constructor(database: DatabaseSync, mostKept = MOST_KEPT) {
    this.#database = database;
    this.#mostKept = mostKept;
  }

  /** In the transaction of what it tells of; whoever is to hear of it does once that is over. */
  note(owner: string, connection: string, what: Notification["what"]): void {
    const insert = "INSERT INTO notices (owner, connection, what, at) VALUES (?, ?, ?, ?)";
    const { lastInsertRowid } = this.#database.prepare(insert).run(owner, connection, what, Date.now());
    this.#database.prepare("DELETE FROM notices WHERE sequence <= ?").run(Number(lastInsertRowid) - this.#mostKept);
    setImmediate(() => {
      for (const told of this.#told) told(owner);
    });
  }

  async since(owner: string, after: number): Promise<readonly Notice[]> {
    const select = "SELECT * FROM notices WHERE owner = ? AND sequence > ? ORDER BY sequence";
    const rows = z.array(row).parse(this.#database.prepare(select).all(owner, after));
    return rows.map(({ sequence, connection, what, at }) => {
      const told = { connectionId: connection, what, at: new Date(at).toISOString() };
      return { sequence, notification: notification.parse(told) };
    });
  }

  async last(): Promise<number> {
    const found = this.#database.prepare("SELECT max(sequence) AS last FROM notices").get();
    return z.object({ last: z.number().nullable() }).parse(found).last ?? 0;
  }

  whenNoted(told: (owner: string) => void): void {
    this.#told.push(told);
  }
}
