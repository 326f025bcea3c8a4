import { setTimeout as sleep } from "node:timers/promises";

const PATIENCE_MS = 30_000;

/** Looks every `everyMs` and resolves with how long it took, in ms, until something was so. */
export async function until(
  what: string,
  met: () => Promise<boolean>,
  patienceMs = PATIENCE_MS,
  everyMs = 20,
): Promise<number> {
  const beganAt = performance.now();
  while (!(await met())) {
    if (performance.now() - beganAt > patienceMs) throw new Error(`not within ${patienceMs} ms: ${what}`);
    await sleep(everyMs);
  }
  return performance.now() - beganAt;
}
