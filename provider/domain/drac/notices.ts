import { EventEmitter, on } from "node:events";
import { Refused } from "../refused.ts";
import type { Notice, NoticeStore } from "./stored/notices.ts";

const MOST_FOLLOWERS = 8;

/** Somebody may be called "error", which emitters take for something else. */
const eventOf = (owner: string): string => `of ${owner}`;

/**
 * What became of the connections that this domain coordinates, for their owners: kept, so that who was away hears of it too.
 * Followers hear at once of what the store hears of: of their own process's notices, unless it takes the database's word
 * for others'.
 */
export class Notices {
  readonly #store: NoticeStore;
  readonly #noted = new EventEmitter().setMaxListeners(0);
  readonly #followers = new Map<string, number>();

  constructor(store: NoticeStore) {
    this.#store = store;
    store.whenNoted((owner) => this.#noted.emit(eventOf(owner)));
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
  async last(): Promise<number> {
    return await this.#store.last();
  }

  async *#each(owner: string, after: number, signal: AbortSignal): AsyncGenerator<Notice> {
    try {
      // Listened for before it is looked up: nothing is missed in between.
      const more = on(this.#noted, eventOf(owner), { signal });
      for (let last = after; ; await more.next()) {
        for (const notice of await this.#store.since(owner, last)) {
          last = notice.sequence;
          yield notice;
        }
      }
    } catch (thrown) {
      if (!signal.aborted) throw thrown;
    }
  }
}
