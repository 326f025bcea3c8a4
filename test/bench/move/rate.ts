import type { ByteReport } from "../../../examples/lab/probe/bytes.ts";

type Notes = ByteReport["notes"];

/** Slow start is over after this. */
const WARM_UP_MS = 3_000;
/** What is taken for a rate lasted at least this long. */
const SHORTEST_MS = 1_000;
/** A path that carries less than this is between two copies. */
const QUIET_BYTES_PER_MS = 5_000;

/** 10^6 bytes a second, from 3 s after `fromMs` to `toMs`. Throws RangeError if less than 1 s is left. */
export function steadyRateMBps(notes: Notes, fromMs: number, toMs: number): number {
  const inside = notes.filter(({ atMs }) => atMs >= fromMs + WARM_UP_MS && atMs <= toMs);
  const [first, last] = [inside[0], inside.at(-1)];
  if (!first || !last || last.atMs - first.atMs < SHORTEST_MS) {
    throw new RangeError("the copy was over before its rate was steady");
  }
  return Math.round((last.sentBytes - first.sentBytes) / (last.atMs - first.atMs) / 10) / 100;
}

/** From the first to the last time that the path was busy before `untilMs`. Throws RangeError if it never was. */
export function busyBefore(notes: Notes, untilMs: number): { readonly fromMs: number; readonly toMs: number } {
  const steps = notes.slice(1).map((note, index) => ({ from: notes[index] ?? note, to: note }));
  const busy = steps.filter(({ from, to }) => {
    return to.atMs <= untilMs && (to.sentBytes - from.sentBytes) / (to.atMs - from.atMs) > QUIET_BYTES_PER_MS;
  });
  const [first, last] = [busy[0], busy.at(-1)];
  if (!first || !last) throw new RangeError("the path carried nothing");
  return { fromMs: first.from.atMs, toMs: last.to.atMs };
}
