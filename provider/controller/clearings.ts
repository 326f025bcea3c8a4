import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../errors.ts";

/** For how long after one of them others of the same `up` may still be about to begin: it begins with one after the other. */
const LULL_MS = 5_000;

/**
 * The VMs that are looked for in this process, and cleared up after where a move of theirs broke off: a path that they shared
 * is free only when the last of them has given it back. What a lender has no room for until then is asked for again.
 */
export class Clearings {
  readonly #lullMs: number;
  #going = 0;
  #quietAt = Number.NEGATIVE_INFINITY;
  #ended = Promise.withResolvers<void>();

  constructor(lullMs = LULL_MS) {
    this.#lullMs = lullMs;
  }

  /** Looks for one of them, and clears up. */
  async during<T>(work: () => Promise<T>): Promise<T> {
    this.#going++;
    try {
      return await work();
    } finally {
      this.#going--;
      this.#quietAt = performance.now() + this.#lullMs;
      this.#ended.resolve();
      this.#ended = Promise.withResolvers();
    }
  }

  /**
   * Resolves with what is asked for; no room counts once nothing can be left to be cleared up. `again`: it was refused before.
   * `waits` is told once what for.
   */
  async insist<T>(ask: (again: boolean) => Promise<T>, waits: (why: string) => void): Promise<T> {
    for (let again = false; ; again = true) {
      // Whatever ends while the lender is being asked may have come too late for its answer.
      const next = this.#next();
      try {
        return await ask(again);
      } catch (thrown) {
        if (next === undefined || !mayPass(thrown)) throw thrown;
        if (!again) waits("room that other VMs' moves may still hold");
        await next;
      }
    }
  }

  /** Resolves when the next one has ended, or when none can be expected any more; undefined if that is so now. */
  #next(): Promise<void> | undefined {
    const ended = this.#ended.promise;
    if (this.#going > 0) return ended;
    const lullMs = this.#quietAt - performance.now();
    return lullMs > 0 ? Promise.race([ended, sleep(lullMs)]) : undefined;
  }
}

/** What a policy refuses, it refuses again. */
const mayPass = (thrown: unknown): boolean =>
  thrown instanceof TurntableError && thrown.code === "domain.refused" && thrown.retry === "safe";
