const PER_SECOND = 200;
const BURST = 1_000;
const MOST_KEPT = 10_000;

/** How fast each address may ask: a bucket of requests that fills again with time (GCRA, ITU-T I.371). */
export class Pace {
  /** When each address's bucket would be full again; ms. */
  readonly #fullAt = new Map<string, number>();

  /** Whether one more request of this address is to be answered now. One that is not does not count. */
  allows(address: string): boolean {
    const nowMs = performance.now();
    const fullAt = Math.max(nowMs, this.#fullAt.get(address) ?? 0) + 1_000 / PER_SECOND;
    if (fullAt - nowMs > (BURST * 1_000) / PER_SECOND) return false;
    if (this.#fullAt.size >= MOST_KEPT) this.#forget(nowMs);
    this.#fullAt.set(address, fullAt);
    return true;
  }

  #forget(nowMs: number): void {
    for (const [address, fullAt] of this.#fullAt) if (fullAt <= nowMs) this.#fullAt.delete(address);
  }
}
