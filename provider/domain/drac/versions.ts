import type { Booking, Span } from "./calendar.ts";

/** How much, and until when: what a modification changes. From is the same for both. */
export interface Version {
  readonly fromMs: number;
  readonly untilMs: number;
  readonly mbps: number;
}

type Taken = Pick<Booking, "fromMs" | "untilMs" | "mbps">;

const isSpan = ({ fromMs, untilMs }: Span) => fromMs < untilMs;

/** What is taken while either of two versions may come to be in force: at each moment, whichever takes more. */
export function envelope(one: Version, other: Version): readonly Taken[] {
  const [first, last] = one.untilMs <= other.untilMs ? [one, other] : [other, one];
  const both = { fromMs: one.fromMs, untilMs: first.untilMs, mbps: Math.max(one.mbps, other.mbps) };
  const longer = { fromMs: first.untilMs, untilMs: last.untilMs, mbps: last.mbps };
  return [both, longer].filter(isSpan);
}

/** What a new version takes more than the present one: while both last, and from the present one's end on. */
export function beyond(
  present: Version,
  next: Version,
): { readonly more: Taken | undefined; readonly longer: Taken | undefined } {
  const both = {
    fromMs: next.fromMs,
    untilMs: Math.min(present.untilMs, next.untilMs),
    mbps: next.mbps - present.mbps,
  };
  const longer = { fromMs: present.untilMs, untilMs: next.untilMs, mbps: next.mbps };
  return { more: both.mbps > 0 && isSpan(both) ? both : undefined, longer: isSpan(longer) ? longer : undefined };
}
