import type { TimedEvent } from "../hypervisor/hypervisor.ts";

const TOLD = [
  /^STOP$/,
  /^MIGRATION (active|pre-switchover|device|completed)$/,
  /^BLOCK_JOB_COMPLETED /,
  /^RESUME$/,
  /^(turned|flushed)$/,
];

export interface Timeline {
  /** When the guest stopped, on the hosts' monotonic clock (ms); absent if the source was not heard to the end. */
  readonly stopAtMs?: number;
  /** "destination RESUME" → ms since the guest stopped (or since the first point), in order of time. */
  readonly timelineMs: Record<string, number>;
}

/** The points of a switchover that a record keeps. */
export function timelineOf(events: readonly TimedEvent[]): Timeline {
  const told = events
    .filter(({ event }) => TOLD.some((pattern) => pattern.test(event)))
    .sort((a, b) => a.atMs - b.atMs);
  const stop = told.find(({ at, event }) => at === "source" && event === "STOP");
  const origin = (stop ?? told[0])?.atMs ?? 0;
  const timelineMs: Record<string, number> = {};
  for (const { at, event, atMs } of told) timelineMs[`${at} ${event}`] ??= tenths(atMs - origin);
  return stop ? { stopAtMs: tenths(stop.atMs), timelineMs } : { timelineMs };
}

const tenths = (ms: number) => Math.round(ms * 10) / 10;
