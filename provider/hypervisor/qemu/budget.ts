import { lastPassLimitMs, leastDowntimeMs } from "../downtime.ts";
import type { Progress } from "../hypervisor.ts";

/** A round that leaves more than this share of what the one before left brings the end no nearer. */
const SHRINKING = 0.9;
/** So many of them in a row are no accident. */
const PATIENCE_ROUNDS = 3;
/** How much of its processors' time a guest is kept from using, step by step, in percent; with more it hardly lives. */
const THROTTLES = [20, 35, 50, 65, 80];

/** What is to be done about a copy of memory that does not come to an end by itself. */
export type Measure =
  /** Let the last round take so long, which the budget allows. */
  | { readonly kind: "allow"; readonly downtimeLimitMs: number }
  /** Have the path carry more, if somebody can. */
  | { readonly kind: "raise" }
  | { readonly kind: "throttle"; readonly percent: number }
  | { readonly kind: "give-up"; readonly reason: string };

/**
 * Holds a copy of memory to a downtime budget. As long as each round leaves less than the one before, it waits. When
 * they stop shrinking it first uses what the budget allows, then has the path carry more, then slows the guest down, and
 * gives up when that does not help either: such a guest dirties its memory as fast as the path carries it.
 */
export class Budget {
  readonly #budgetMs: number;
  readonly #allowanceMs: number;
  /** What QEMU may plan for its last round as long as nothing else was said, in ms. */
  readonly downtimeLimitMs: number;
  #round = 0;
  #awayMs = Number.POSITIVE_INFINITY;
  #stalledRounds = 0;
  #allowed = false;
  #mayRaise: boolean;
  #throttles = 0;

  /** `rttMs`: of the path, as measured. `mayRaise`: whether there is somebody to ask for more bandwidth. */
  constructor(budgetMs: number, rttMs: number, mayRaise = false) {
    this.#mayRaise = mayRaise;
    this.#budgetMs = budgetMs;
    this.#allowanceMs = Math.floor(budgetMs - leastDowntimeMs(rttMs));
    this.downtimeLimitMs = lastPassLimitMs(budgetMs, rttMs);
  }

  /** Call it with each look at the copy; at the beginning of a round it says what is to be done, if anything is. */
  see(progress: Progress): Measure | undefined {
    const { round, expectedDowntimeMs: awayMs } = progress;
    if (round === undefined || round === this.#round || awayMs === undefined) return undefined;
    this.#stalledRounds = awayMs > SHRINKING * this.#awayMs ? this.#stalledRounds + 1 : 0;
    this.#round = round;
    this.#awayMs = awayMs;
    if (this.#stalledRounds < PATIENCE_ROUNDS) return undefined;
    this.#stalledRounds = 0;
    return this.#measure(progress, awayMs);
  }

  /** What is to be done where the last measure could not be taken. */
  instead(progress: Progress): Measure {
    return this.#measure(progress, this.#awayMs);
  }

  #measure(progress: Progress, awayMs: number): Measure {
    if (!this.#allowed && awayMs <= this.#allowanceMs) {
      this.#allowed = true;
      return { kind: "allow", downtimeLimitMs: this.#allowanceMs };
    }
    if (this.#mayRaise) {
      this.#mayRaise = false;
      return { kind: "raise" };
    }
    const percent = THROTTLES[this.#throttles];
    this.#throttles += 1;
    if (percent !== undefined) return { kind: "throttle", percent };
    return { kind: "give-up", reason: this.#reason(progress, awayMs) };
  }

  #reason({ bytesPerSecond, dirtiedBytesPerSecond = 0 }: Progress, awayMs: number): string {
    const mb = (bytes: number) => (bytes / 1e6).toFixed(1);
    return (
      `its memory does not converge: slowed down by ${THROTTLES.at(-1)} % the guest still dirties ` +
      `${mb(dirtiedBytesPerSecond)} MB/s, the path carries ${mb(bytesPerSecond)} MB/s, and the last round would take ` +
      `${awayMs} ms of the ${Math.max(0, this.#allowanceMs)} ms that a budget of ${this.#budgetMs} ms leaves for it`
    );
  }
}
