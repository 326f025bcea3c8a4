import fc from "fast-check";
import { expect, test } from "vitest";
import { peakMbps } from "../../provider/domain/drac/calendar.ts";
import { beyond, envelope } from "../../provider/domain/drac/versions.ts";

const version = fc.record({ untilMs: fc.integer({ min: 1, max: 9 }), mbps: fc.integer({ min: 1, max: 9 }) });
const at = (fromMs: number) => ({ fromMs, untilMs: fromMs + 1 });
const bookings = (parts: readonly { fromMs: number; untilMs: number; mbps: number }[]) =>
  parts.map((part) => ({ ...part, channel: 0 }));

test("two versions together take at each moment what the greater of them takes; a new one needs just that beyond the old", () => {
  fc.assert(
    fc.property(version, version, (old, next) => {
      const [one, other] = [old, next].map((each) => ({ fromMs: 0, ...each }));
      if (!one || !other) return;
      const { more, longer } = beyond(one, other);
      const needed = [one, more, longer].flatMap((part) => part ?? []);
      for (let moment = 0; moment < 10; moment++) {
        const greatest = Math.max(...[one, other].map(({ untilMs, mbps }) => (moment < untilMs ? mbps : 0)));
        expect(peakMbps(bookings(envelope(one, other)), at(moment))).toBe(greatest);
        expect(peakMbps(bookings(needed), at(moment))).toBe(greatest);
      }
    }),
  );
});
