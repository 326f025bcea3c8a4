import type { TimedEvent } from "./hypervisor.ts";

/** What both ends add to the way of the last bytes: measured between 20 and 35 ms. */
const HANDWORK_MS = 30;

/** How long a VM is away at least over a path of that round trip: its light's way, and the work at both ends. */
export const leastDowntimeMs = (rttMs: number): number => Math.round(rttMs / 2 + HANDWORK_MS);

/**
 * When the guest stopped for the last time at the source, where it did not run again; undefined if it did or never
 * stopped. A hypervisor may tell of one stop twice: the first counts. `events`: in order of time.
 */
export function standstillOf(events: readonly TimedEvent[]): TimedEvent | undefined {
  const here = events.filter(({ at }) => at === "source");
  const ranUntil = here.findLastIndex(({ event }) => event === "RESUME");
  return here.slice(ranUntil + 1).find(({ event }) => event === "STOP");
}
