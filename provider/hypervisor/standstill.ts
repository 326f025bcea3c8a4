import type { TimedEvent } from "./hypervisor.ts";

/**
 * When the guest stopped for the last time at the source, where it did not run again; undefined if it did or never
 * stopped. A hypervisor may tell of one stop twice: the first counts. `events`: in order of time.
 */
export function standstillOf(events: readonly TimedEvent[]): TimedEvent | undefined {
  const here = events.filter(({ at }) => at === "source");
  const ranUntil = here.findLastIndex(({ event }) => event === "RESUME");
  return here.slice(ranUntil + 1).find(({ event }) => event === "STOP");
}
