import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { covers, type Scope } from "../../provider/aaa/covers.ts";

const at = (day: number): string => new Date(Date.UTC(2030, 0, day)).toISOString();
const right: Scope = { between: ["a", "b"], bandwidthMbps: 1_000, window: { start: at(2), end: at(9) }, vm: "radar" };

describe("whether a right covers a wish", () => {
  it("holds for the same, in either direction, and for less", () => {
    expect(covers(right, right)).toEqual([]);
    expect(covers(right, { ...right, between: ["b", "a"] })).toEqual([]);
    expect(covers(right, { ...right, bandwidthMbps: 1, window: { start: at(3), end: at(4) } })).toEqual([]);
  });

  it("names everything that is missing", () => {
    const wish = {
      between: ["a", "c"],
      bandwidthMbps: 1_001,
      window: { start: at(1), end: at(10) },
      vm: "other",
    } as const;
    expect(covers(right, wish)).toEqual([
      "it is for a and b, not for a and c",
      "it is for 1000 Mbps, not for 1001 Mbps",
      `it begins at ${at(2)}, after ${at(1)}`,
      `it ends at ${at(9)}, before ${at(10)}`,
      "it is for the VM radar, not for other",
    ]);
  });

  it("does not take the same STP twice for a pair, nor what is no number for a rate or a time", () => {
    expect(covers(right, { ...right, between: ["a", "a"] })).toHaveLength(1);
    expect(covers(right, { ...right, bandwidthMbps: Number.NaN })).toHaveLength(1);
    expect(covers(right, { ...right, window: { start: "soon", end: "later" } })).toHaveLength(2);
  });

  it("never grows by asking: what a covered wish covers, the right covers", () => {
    const scope = fc.record({
      between: fc.constantFrom<[string, string]>(["a", "b"], ["b", "a"], ["a", "c"]),
      bandwidthMbps: fc.integer({ min: 1, max: 5 }),
      window: fc
        .tuple(fc.integer({ min: 1, max: 5 }), fc.integer({ min: 6, max: 9 }))
        .map(([start, end]) => ({ start: at(start), end: at(end) })),
      vm: fc.constantFrom("radar", "sonar"),
    });
    fc.assert(
      fc.property(scope, scope, scope, (one, two, three) => {
        const chained = covers(one, two).length === 0 && covers(two, three).length === 0;
        return !chained || covers(one, three).length === 0;
      }),
    );
  });
});
