/** A part of a port that is taken for a time. From is inside, until is not; ms since 1970. */
export interface Booking {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly mbps: number;
  readonly channel: number;
}

export type Span = Pick<Booking, "fromMs" | "untilMs">;

export function overlaps(one: Span, other: Span): boolean {
  return one.fromMs < other.untilMs && other.fromMs < one.untilMs;
}

/** The most that is taken at any one moment of a span. */
export function peakMbps(bookings: readonly Booking[], span: Span): number {
  const within = bookings.filter((booking) => overlaps(booking, span));
  // What is taken grows only where a booking begins.
  const moments = [span.fromMs, ...within.map(({ fromMs }) => Math.max(fromMs, span.fromMs))];
  const takenAt = (ms: number): number =>
    within.reduce((sum, { fromMs, untilMs, mbps }) => (fromMs <= ms && ms < untilMs ? sum + mbps : sum), 0);
  return Math.max(...moments.map(takenAt));
}

/** The channels that nobody has at any moment of a span, ascending. */
export function freeChannels(bookings: readonly Booking[], channels: number, span: Span): number[] {
  const taken = new Set(bookings.filter((booking) => overlaps(booking, span)).map(({ channel }) => channel));
  return Array.from({ length: channels }, (_, channel) => channel).filter((channel) => !taken.has(channel));
}
