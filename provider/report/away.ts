import type { ReportInput } from "./input.ts";

/** How long the VM was away, and who says so. */
export interface Away {
  readonly ms: number;
  readonly measuredBy: string;
}

/** The longest that the VM itself stood still; undefined where nobody could measure it. */
export function awayOf({ move, observed }: ReportInput): Away | undefined {
  const blackoutMs = move.blackoutMs ?? 0;
  const guestMs = observed?.guestMs ?? 0;
  if (guestMs >= blackoutMs && guestMs > 0) return { ms: guestMs, measuredBy: "the guest's own clock" };
  if (blackoutMs > 0)
    return { ms: blackoutMs, measuredBy: `its stop at ${move.from} and its resumption at ${move.to}` };
  return undefined;
}

const PERIODS_MS = [1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 300_000, 600_000];
const LARGEST_SHARE = 0.4;

/** Three turns of a sweep around the time away, in ms since the guest stopped; the second one has the missing sector. */
export interface Sweep {
  readonly awayMs: number;
  readonly periodMs: number;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The sweep for a time away: one turn a second, or slower where that would leave little of a turn. */
export function sweepOf(awayMs: number): Sweep {
  const periodMs = PERIODS_MS.find((period) => awayMs <= LARGEST_SHARE * period) ?? awayMs / LARGEST_SHARE;
  const middleMs = awayMs / 2;
  return { awayMs, periodMs, fromMs: middleMs - 1.5 * periodMs, toMs: middleMs + 1.5 * periodMs };
}

/** Turns since 12 o'clock at a time: the middle of the time away is at 12. */
export function turnsAt({ awayMs, periodMs }: Sweep, atMs: number): number {
  return (atMs - awayMs / 2) / periodMs;
}
