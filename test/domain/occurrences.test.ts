import fc from "fast-check";
import { expect, test } from "vitest";
import { occurrences } from "../../provider/domain/drac/occurrences.ts";

const HOUR_MS = 3_600_000;
const window = (start: string, hours = 1) => {
  return { start, end: new Date(Date.parse(start) + hours * HOUR_MS).toISOString() };
};
const starts = (start: string, every: "daily" | "weekly" | "monthly", times: number, timeZone: string) =>
  occurrences(window(start), { every, times, timeZone }).map((one) => one.start);

test("once is the window itself", () => {
  const once = window("2026-12-01T02:00:00Z");
  expect(occurrences(once, { every: "once" })).toEqual([once]);
});

test("every day at two in Amsterdam stays at two when the clocks are changed", () => {
  // Two o'clock does not exist on 29 March 2026: it is three.
  expect(starts("2026-03-28T01:00:00Z", "daily", 3, "Europe/Amsterdam")).toEqual([
    "2026-03-28T01:00:00.000Z",
    "2026-03-29T01:00:00.000Z",
    "2026-03-30T00:00:00.000Z",
  ]);
  // On 25 October 2026 it comes twice: the first is meant.
  expect(starts("2026-10-24T00:00:00Z", "daily", 3, "Europe/Amsterdam")).toEqual([
    "2026-10-24T00:00:00.000Z",
    "2026-10-25T00:00:00.000Z",
    "2026-10-26T01:00:00.000Z",
  ]);
});

test("every week in San Diego follows its own summer time", () => {
  expect(starts("2026-10-29T09:00:00Z", "weekly", 2, "America/Los_Angeles")).toEqual([
    "2026-10-29T09:00:00.000Z",
    "2026-11-05T10:00:00.000Z",
  ]);
});

test("every month on the 31st is the last day of shorter months, and the 31st again after them", () => {
  expect(starts("2027-01-31T12:00:00Z", "monthly", 4, "UTC")).toEqual([
    "2027-01-31T12:00:00.000Z",
    "2027-02-28T12:00:00.000Z",
    "2027-03-31T12:00:00.000Z",
    "2027-04-30T12:00:00.000Z",
  ]);
});

test("what lasts longer than until it comes again is refused, as is a zone that nobody knows", () => {
  const long = window("2026-12-01T00:00:00Z", 25);
  expect(() => occurrences(long, { every: "daily", times: 2, timeZone: "UTC" })).toThrow(/lasts longer than until/);
  const nowhere = { every: "daily", times: 2, timeZone: "Atlantis/Capital" } as const;
  expect(() => occurrences(window("2026-12-01T00:00:00Z"), nowhere)).toThrow(/no time zone Atlantis/);
});

test("whatever the zone: as many, in order, apart, each as long as the first, at the same time of the day but for one hour", () => {
  const zones = fc.constantFrom(
    "UTC",
    "Europe/Amsterdam",
    "America/Los_Angeles",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
  );
  const every = fc.constantFrom("daily", "weekly", "monthly");
  const start = fc.integer({ min: Date.UTC(2026, 0), max: Date.UTC(2032, 0) }).map((ms) => new Date(ms).toISOString());
  fc.assert(
    fc.property(start, every, fc.integer({ min: 2, max: 53 }), zones, (from, often, times, timeZone) => {
      const all = occurrences(window(from), { every: often, times, timeZone });
      expect(all).toHaveLength(times);
      const clock = new Intl.DateTimeFormat("en-GB", { timeZone, timeStyle: "medium" });
      const [first] = all;
      let same = 0;
      for (const [index, one] of all.entries()) {
        expect(Date.parse(one.end) - Date.parse(one.start)).toBe(HOUR_MS);
        expect(Date.parse(one.start)).toBeGreaterThanOrEqual(Date.parse(all[index - 1]?.end ?? from));
        if (clock.format(Date.parse(one.start)) === clock.format(Date.parse(first?.start ?? ""))) same++;
      }
      // At most the few that fall into an hour which is left out.
      expect(same).toBeGreaterThanOrEqual(times - 7);
    }),
    { numRuns: 300 },
  );
});
