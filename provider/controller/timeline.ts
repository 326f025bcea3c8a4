import { standstillOf } from "../hypervisor/downtime.ts";
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
  const stop = standstillOf(told);
  const origin = (stop ?? told[0])?.atMs ?? 0;
  const timelineMs: Record<string, number> = {};
  for (const point of told) {
    if (point.at === "source" && point.event === "STOP" && point !== stop) continue;
    timelineMs[`${point.at} ${point.event}`] ??= tenths(point.atMs - origin);
  }
  return stop ? { stopAtMs: tenths(stop.atMs), timelineMs } : { timelineMs };
}

const tenths = (ms: number) => Math.round(ms * 10) / 10;
