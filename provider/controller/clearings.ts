import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../errors.ts";

/** For how long after one of them others of the same `up` may still be about to begin. */
const LULL_MS = 5_000;

/**
 * The moves that broke off and are cleared up in this process, one VM after the other: a path that they shared is free only
 * when the last of them has given it back. What a lender refuses until then is asked for again.
 */
export class Clearings {
  readonly #lullMs: number;
  #going = 0;
  #quietAt = Number.NEGATIVE_INFINITY;
  #ended = Promise.withResolvers<void>();

  constructor(lullMs = LULL_MS) {
    this.#lullMs = lullMs;
  }

  /** Does what clears one of them up. */
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
   * Resolves with what is asked for; a refusal counts once nothing is left to be cleared up. `again`: it was refused before.
   * `waits` is told what for.
   */
  async insist<T>(ask: (again: boolean) => Promise<T>, waits: (why: string) => void): Promise<T> {
    for (let again = false; ; again = true) {
      // Whatever ends while the lender is being asked may have come too late for its answer.
      const next = this.#next();
      try {
        return await ask(again);
      } catch (thrown) {
        if (next === undefined || !isRefusal(thrown)) throw thrown;
        waits("what other moves that broke off still hold");
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

const isRefusal = (thrown: unknown): boolean => thrown instanceof TurntableError && thrown.code === "domain.refused";
