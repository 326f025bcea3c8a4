import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type Booking, freeChannels, overlaps, peakMbps } from "../../provider/domain/drac/calendar.ts";

const LAST = 12;
const CHANNELS = 3;
const span = fc
  .tuple(fc.integer({ min: 0, max: LAST - 1 }), fc.integer({ min: 1, max: 5 }))
  .map(([fromMs, length]) => ({ fromMs, untilMs: fromMs + length }));
const booking: fc.Arbitrary<Booking> = fc
  .record({ span, mbps: fc.integer({ min: 1, max: 9 }), channel: fc.integer({ min: 0, max: CHANNELS - 1 }) })
  .map(({ span: when, ...rest }) => ({ ...when, ...rest }));
const bookings = fc.array(booking, { maxLength: 8 });

/** The oracle looks at every moment there is, one after the other. */
function moments({ fromMs, untilMs }: { fromMs: number; untilMs: number }): number[] {
  return Array.from({ length: untilMs - fromMs }, (_, index) => fromMs + index);
}
const at = (all: readonly Booking[], ms: number) => all.filter(({ fromMs, untilMs }) => fromMs <= ms && ms < untilMs);

describe("a port's calendar", () => {
  it("knows the most that is taken at any moment of a span", () => {
    fc.assert(
      fc.property(bookings, span, (all, when) => {
        const taken = moments(when).map((ms) => at(all, ms).reduce((sum, { mbps }) => sum + mbps, 0));
        expect(peakMbps(all, when)).toBe(Math.max(...taken));
      }),
      { numRuns: 500 },
    );
  });

  it("knows the channels that nobody has at any moment of a span", () => {
    fc.assert(
      fc.property(bookings, span, (all, when) => {
        const taken = new Set(moments(when).flatMap((ms) => at(all, ms).map(({ channel }) => channel)));
        expect(freeChannels(all, CHANNELS, when)).toEqual([0, 1, 2].filter((channel) => !taken.has(channel)));
      }),
      { numRuns: 500 },
    );
  });

  it("lets one end in the moment in which the next begins", () => {
    expect(overlaps({ fromMs: 1, untilMs: 2 }, { fromMs: 2, untilMs: 3 })).toBe(false);
    expect(peakMbps([{ fromMs: 1, untilMs: 2, mbps: 5, channel: 0 }], { fromMs: 2, untilMs: 3 })).toBe(0);
  });
});
