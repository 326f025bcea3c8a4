import { isPlain, type Row } from "./rows.ts";
import { hundredths } from "./statistics.ts";
import { type LoadName, ROUND_TRIPS_MS } from "./variants.ts";

/**
 * What the paper noticed of its moves at 175 ms, of 200 MB of memory alone: idle, and while the guest worked on images.
 * In ms; the guest's clock beside our blackout, which that clock would see.
 */
export const PAPER: Readonly<Record<LoadName, { guestClockMs: number; streamGapMs: number; pingGapMs?: number }>> = {
  idle: { guestClockMs: 315, streamGapMs: 230, pingGapMs: 3809 },
  loaded: { guestClockMs: 1939, streamGapMs: 1940 },
};
/** Of pings every 50 ms, 3.8 s long. */
export const PAPER_LOST_PINGS = 76;

type Ratio = Readonly<Record<string, number>>;

export interface PaperRatios {
  /** Of a far move's figure to the paper's, by variant and figure. */
  readonly toPaper: Ratio;
}

/** Of plain moves. Medians idle, as the paper's figures are of single moves; the mean under load, as the paper's is. */
export function paperRatiosOf(rows: readonly Row[]): PaperRatios {
  const far = rows.filter((row) => isPlain(row) && row.rttMs === ROUND_TRIPS_MS[0]);
  const entries = far.flatMap((row) => {
    const { guestClockMs, streamGapMs, pingGapMs } = PAPER[row.load];
    const figure = row.load === "idle" ? "median" : "mean";
    const pairs = [
      ["blackout", row.blackoutMs, guestClockMs],
      ["stream gap", row.streamGapMs, streamGapMs],
      ["ping gap", row.pingGapMs, pingGapMs],
    ] as const;
    return pairs.flatMap(([name, here, there]) =>
      here === undefined || there === undefined
        ? []
        : [[`${row.variant}, ${name}`, hundredths(here[figure] / there)] as const],
    );
  });
  return { toPaper: Object.fromEntries(entries) };
}
