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
   * whom, once, if somebody is before it.
   */
  async take(who: string, work: number, waits: (forWhom: string) => void): Promise<() => void> {
    if (this.#busy !== undefined) {
      waits([this.#busy, ...this.#waiting.filter((other) => other.work <= work).map((other) => other.who)].join(", "));
      const { promise, resolve } = Promise.withResolvers<void>();
      this.#waiting.push({ who, work, begin: resolve });
      await promise;
    }
    this.#busy = who;
    let over = false;
    return () => {
      if (over) return;
      over = true;
      this.#next();
    };
  }

  #next(): void {
    const next = this.#waiting.toSorted((a, b) => a.work - b.work)[0];
    this.#busy = next?.who;
    if (next === undefined) return;
    this.#waiting.splice(this.#waiting.indexOf(next), 1);
    next.begin();
  }
}
