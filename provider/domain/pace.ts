import { RateLimiterMemory } from "rate-limiter-flexible";
import { Refused } from "./refused.ts";

/** What is saved up for a burst: a hundred moves may begin at once. */
const SECONDS = 10;
/** To give a right costs signatures and writes: so many requests that cost none. */
export const GIVING_POINTS = 5;

/** Requests a second. */
interface Rates {
  readonly caller: number;
  readonly address: number;
}

/** How often each caller may ask, and strangers of each address: one who floods takes nothing from the others. */
export class Pace {
  readonly #callers: RateLimiterMemory;
  readonly #strangers: RateLimiterMemory;

  constructor({ caller, address }: Rates) {
    this.#callers = new RateLimiterMemory({ points: caller * SECONDS, duration: SECONDS });
    this.#strangers = new RateLimiterMemory({ points: address * SECONDS, duration: SECONDS });
  }

  /** Whether what comes from this address is worth being looked at. */
  async listensTo(address: string): Promise<boolean> {
    const found = await this.#strangers.get(address);
    return found === null || found.msBeforeNext <= 0 || found.consumedPoints < this.#strangers.points;
  }

  /** Somebody unknown asked from there, and a signature may have been verified in vain. */
  async blame(address: string, points = 1): Promise<void> {
    if (points > 0) await this.#strangers.penalty(address, points);
  }

  /** Whether one more request of this caller, which costs so many points, is to be answered now. */
  async allows(caller: string, points: number): Promise<boolean> {
    return (await this.#callers.penalty(caller, points)).consumedPoints <= this.#callers.points;
  }
}

/** What is answered then. */
export function tooFast(who: string): Refused {
  return new Refused(429, "caller.too-fast", `${who} asks too often`);
}
