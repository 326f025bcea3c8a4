import fc from "fast-check";
import { expect, it } from "vitest";
import { StepFunction } from "../../../provider/domain/paths/step-function.ts";

const LAST = 16;
const change = fc
  .tuple(fc.nat({ max: LAST - 1 }), fc.integer({ min: 1, max: 6 }), fc.integer({ min: 1, max: 9 }))
  .map(([fromMs, length, by]) => ({ fromMs, untilMs: fromMs + length, by }));
/** Later ones, by their place, are given back again. */
const history = fc.record({ changes: fc.array(change, { maxLength: 25 }), undone: fc.array(fc.nat({ max: 24 })) });

/** The oracle keeps a list and adds up. */
function made({ changes, undone }: typeof history extends fc.Arbitrary<infer T> ? T : never) {
  const level = new StepFunction();
  for (const { fromMs, untilMs, by } of changes) level.add(fromMs, untilMs, by);
  const left = changes.filter((_, index) => !undone.includes(index));
  for (const { fromMs, untilMs, by } of changes.filter((one) => !left.includes(one))) level.add(fromMs, untilMs, -by);
  const at = (ms: number): number =>
    left.reduce((sum, { fromMs, untilMs, by }) => (fromMs <= ms && ms < untilMs ? sum + by : sum), 0);
  return { level, at };
}
const range = (fromMs: number, untilMs: number): number[] =>
  Array.from({ length: untilMs - fromMs }, (_, n) => fromMs + n);

it("knows the highest level of any span", () => {
  fc.assert(
    fc.property(history, fc.nat({ max: LAST }), fc.integer({ min: 1, max: 9 }), (past, fromMs, length) => {
      const { level, at } = made(past);
      expect(level.highest(fromMs, fromMs + length)).toBe(Math.max(...range(fromMs, fromMs + length).map(at)));
    }),
    { numRuns: 500 },
  );
});

it("tells whether the level stays at a limit or below all through a span", () => {
  fc.assert(
    fc.property(history, fc.nat({ max: 30 }), fc.nat({ max: LAST }), fc.integer({ min: 1, max: 9 }), (...given) => {
      const [past, limit, fromMs, length] = given;
      const { level, at } = made(past);
      const within = range(fromMs, fromMs + length).every((ms) => at(ms) <= limit);
      expect(level.staysWithin(limit, fromMs, fromMs + length)).toBe(within);
    }),
    { numRuns: 500 },
  );
});

it("finds the first moment from which on a level is kept to for so long", () => {
  const asked = fc.record({
    limit: fc.nat({ max: 20 }),
    length: fc.integer({ min: 1, max: 6 }),
    fromMs: fc.nat({ max: LAST }),
    more: fc.nat({ max: 12 }),
  });
  fc.assert(
    fc.property(history, asked, (past, { limit, length, fromMs, more }) => {
      const { level, at } = made(past);
      const starts = range(fromMs, fromMs + more + 1);
      const found = starts.find((ms) => range(ms, ms + length).every((moment) => at(moment) <= limit));
      expect(level.firstFit(limit, length, fromMs, fromMs + more)).toBe(found ?? Number.POSITIVE_INFINITY);
    }),
    { numRuns: 500 },
  );
});

it("tells when the level changes next, and forgets what was given back", () => {
  fc.assert(
    fc.property(history, fc.nat({ max: LAST }), (past, afterMs) => {
      const { level, at } = made(past);
      const next = range(afterMs + 1, LAST + 8).find((ms) => at(ms) !== at(ms - 1));
      expect(level.nextChange(afterMs)).toBe(next ?? Number.POSITIVE_INFINITY);
    }),
    { numRuns: 500 },
  );
});
