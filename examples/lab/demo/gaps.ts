import type { Gap } from "../probe/report.ts";

/** The length of the longest, in whole ms; 0 if there is none. */
export function longest(gaps: readonly Gap[]): number {
  return Math.round(Math.max(0, ...gaps.map(({ lengthMs }) => lengthMs)));
}

/** The same of what lies within a range: a gap that began before it or ends after it counts with its part inside. */
export function longestWithin(gaps: readonly Gap[], fromAtMs: number, toAtMs: number): number {
  return longest(
    gaps.map(({ startAtMs, lengthMs }) => {
      const start = Math.max(startAtMs, fromAtMs);
      return { startAtMs: start, lengthMs: Math.min(startAtMs + lengthMs, toAtMs) - start };
    }),
  );
}
