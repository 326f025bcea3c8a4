import { EventEmitter, on } from "node:events";
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { type Notification, notification } from "../../lightpath/drac/wire.ts";
import { Refused } from "../refused.ts";

/** A notification at its place among all that this domain gave. */
export interface Notice {
  readonly sequence: number;
  readonly notification: Notification;
}

const row = z.object({ sequence: z.number(), connection: z.string(), what: z.string(), at: z.number() });

/** Who comes back after more than these has missed some. */
const MOST_KEPT = 100_000;
const MOST_FOLLOWERS = 8;

/** Somebody may be called "error", which emitters take for something else. */
const eventOf = (owner: string): string => `of ${owner}`;

/** What became of the connections that this domain coordinates, for their owners: kept, so that who was away hears of it too. */
export class Notices {
  readonly #database: DatabaseSync;
  readonly #noted = new EventEmitter().setMaxListeners(0);
  readonly #followers = new Map<string, number>();

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** In the transaction of what it tells of; whoever follows is told once that is over. */
  note(owner: string, connection: string, what: Notification["what"]): void {
    const insert = "INSERT INTO notices (owner, connection, what, at) VALUES (?, ?, ?, ?)";
    const { lastInsertRowid } = this.#database.prepare(insert).run(owner, connection, what, Date.now());
    this.#database.prepare("DELETE FROM notices WHERE sequence <= ?").run(Number(lastInsertRowid) - MOST_KEPT);
    setImmediate(() => this.#noted.emit(eventOf(owner)));
  }

  /** All of an owner's after one of them, and then each as it comes, until the signal. Throws Refused (429) if too many follow. */
  follow(owner: string, after: number, signal: AbortSignal): AsyncGenerator<Notice> {
    const following = this.#followers.get(owner) ?? 0;
    if (following >= MOST_FOLLOWERS) {
      throw new Refused(429, "caller.too-many", `${owner} follows its notifications ${following} times already`);
    }
    if (!signal.aborted) {
      this.#followers.set(owner, following + 1);
      signal.addEventListener("abort", () => this.#followers.set(owner, (this.#followers.get(owner) ?? 1) - 1));
    }
    return this.#each(owner, after, signal);
  }

  /** The last one there is. */
  get last(): number {
    const found = this.#database.prepare("SELECT max(sequence) AS last FROM notices").get();
    return z.object({ last: z.number().nullable() }).parse(found).last ?? 0;
  }

  async *#each(owner: string, after: number, signal: AbortSignal): AsyncGenerator<Notice> {
    try {
      // Listened for before it is looked up: nothing is missed in between.
      const more = on(this.#noted, eventOf(owner), { signal });
      for (let last = after; ; await more.next()) {
        for (const notice of this.#since(owner, last)) {
          last = notice.sequence;
          yield notice;
        }
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }

  #since(owner: string, after: number): readonly Notice[] {
    const select = "SELECT * FROM notices WHERE owner = ? AND sequence > ? ORDER BY sequence";
    const rows = z.array(row).parse(this.#database.prepare(select).all(owner, after));
    return rows.map(({ sequence, connection, what, at }) => {
      const told = { connectionId: connection, what, at: new Date(at).toISOString() };
      return { sequence, notification: notification.parse(told) };
    });
  }
}
