/** One who waits, and how much there is to do. */
interface Waiting {
  readonly who: string;
  readonly work: number;
  readonly begin: () => void;
}

/** Lets one at a time through; of those who wait, who has least to do is next. */
export class Turns {
  readonly #waiting: Waiting[] = [];
  #busy: string | undefined;

  /**
   * Resolves when it is this one's turn, with what ends it. `work`: any measure, the same for all. `waits` is told for
   * whom, once, if somebody is before it. Who does not want it any more says so by the signal, and is not waited for:
   * it rejects with the signal's reason.
   */
  async take(who: string, work: number, waits: (forWhom: string) => void, signal?: AbortSignal): Promise<() => void> {
    signal?.throwIfAborted();
    if (this.#busy !== undefined) {
      waits([this.#busy, ...this.#waiting.filter((other) => other.work <= work).map((other) => other.who)].join(", "));
      await this.#wait(who, work, signal);
    }
    this.#busy = who;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#next();
    };
  }

  async #wait(who: string, work: number, signal: AbortSignal | undefined): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const waiting = { who, work, begin: resolve };
    this.#waiting.push(waiting);
    const leave = () => {
      const at = this.#waiting.indexOf(waiting);
      if (at !== -1) this.#waiting.splice(at, 1);
      reject(signal?.reason);
    };
    signal?.addEventListener("abort", leave, { once: true });
    await promise.finally(() => signal?.removeEventListener("abort", leave));
  }

  #next(): void {
    const next = this.#waiting.toSorted((a, b) => a.work - b.work)[0];
    this.#busy = next?.who;
    if (next === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next.begin();
  }
}
