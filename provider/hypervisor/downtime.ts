import type { TimedEvent } from "./hypervisor.ts";

/** What both ends add to the way of the last bytes: measured between 20 and 35 ms. */
const HANDWORK_MS = 30;

/** So long, in ms, the last pass over a live VM's memory may take where the budget leaves room for more: less is not measurably better. */
const USUAL_LAST_PASS_MS = 30;

/** How long a VM is away at least over a path of that round trip: its light's way, and the work at both ends. */
export const leastDowntimeMs = (rttMs: number): number => Math.round(rttMs / 2 + HANDWORK_MS);

/** How long the last pass over its memory may take, in ms, as long as nothing was done about it: the hypervisor goes on with its passes until little enough is left. */
export const lastPassLimitMs = (budgetMs: number, rttMs: number): number =>
  Math.max(1, Math.min(USUAL_LAST_PASS_MS, Math.floor(budgetMs - leastDowntimeMs(rttMs))));

/**
 * When the guest stopped for the last time at the source, where it did not run again; undefined if it did or never
 * stopped. A hypervisor may tell of one stop twice: the first counts. `events`: in order of time.
 */
export function standstillOf(events: readonly TimedEvent[]): TimedEvent | undefined {
  const here = events.filter(({ at }) => at === "source");
  const ranUntil = here.findLastIndex(({ event }) => event === "RESUME");
  return here.slice(ranUntil + 1).find(({ event }) => event === "STOP");
}
