import type { Iteration, Progress } from "../hypervisor.ts";

/** Notes each round of a pre-copy: whether what remains shrinks from one to the next is whether the move converges. */
export class Convergence {
  readonly #begunAt = performance.now();
  readonly #seen = new Set<number>();
  readonly #iterations: Iteration[] = [];

  note({ round, doneBytes, totalBytes }: Progress): void {
    if (round === undefined || this.#seen.has(round)) return;
    this.#seen.add(round);
    const atMs = Math.round(performance.now() - this.#begunAt);
    this.#iterations.push({ atMs, sentBytes: doneBytes, remainingBytes: totalBytes - doneBytes });
  }

  get iterations(): readonly Iteration[] {
    return this.#iterations;
  }
}
