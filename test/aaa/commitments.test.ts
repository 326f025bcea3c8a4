import fc from "fast-check";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type Commitment, Commitments } from "../../provider/domain/aaa/commitments.ts";
import { Revocations } from "../../provider/domain/aaa/revocations.ts";
import { openStore } from "../../provider/domain/store.ts";

const HOUR_MS = 3_600_000;
const from = Date.now() + 24 * HOUR_MS;
let database: ReturnType<typeof openStore>;
let commitments: Commitments;
let count = 0;
beforeEach(() => {
  database = openStore(":memory:");
  commitments = new Commitments(database);
});
afterEach(() => database.close());

/** Hours are counted from tomorrow on. */
function wish(startHour: number, endHour: number, bandwidthMbps: number, more: Partial<Commitment> = {}): Commitment {
  return {
    ...{ action: "consent", home: "ams.example", subject: "alice", grant: `grant-${count++}`, bandwidthMbps },
    ...{ startMs: from + startHour * HOUR_MS, endMs: from + endHour * HOUR_MS, ...more },
  };
}

test("the total is the most at any one time, not the sum over the window", () => {
  for (const one of [wish(0, 2, 300), wish(2, 4, 500), wish(3, 5, 100)]) commitments.add(one);
  expect(commitments.totalMbps(wish(0, 2, 10))).toBe(310);
  expect(commitments.totalMbps(wish(0, 5, 10))).toBe(610);
  expect(commitments.totalMbps(wish(4, 5, 10))).toBe(110);
  expect(commitments.totalMbps(wish(5, 6, 10))).toBe(10);
});

test("neither another's, nor what is revoked, nor what is for another decision counts", () => {
  const mine = wish(0, 2, 300);
  for (const one of [
    mine,
    wish(0, 2, 1, { subject: "bob" }),
    wish(0, 2, 2, { home: "san.example" }),
    wish(0, 2, 4, { action: "grant" }),
  ])
    commitments.add(one);
  const revocations = new Revocations(database);
  revocations.add("san.example", mine.grant);
  expect(commitments.totalMbps(wish(0, 2, 10))).toBe(310);
  revocations.add("ams.example", mine.grant);
  expect(commitments.totalMbps(wish(0, 2, 10))).toBe(10);
});

test("a grant is decided on once: to ask again for less does not make the first smaller", () => {
  const mine = wish(0, 2, 300);
  commitments.add(mine);
  expect(() => commitments.add({ ...mine, bandwidthMbps: 1 })).toThrow(/decided on before/);
  commitments.add({ ...mine, action: "grant" });
  expect(commitments.totalMbps(wish(0, 2, 10))).toBe(310);
});

test("fractions add up to what they are", () => {
  for (let time = 0; time < 10; time++) commitments.add(wish(0, 2, 0.1));
  expect(commitments.totalMbps(wish(0, 2, 0.1))).toBe(1.1);
});

test("whatever stands, the total is what counting every moment finds", () => {
  const span = fc.tuple(fc.nat(20), fc.integer({ min: 1, max: 8 }), fc.integer({ min: 1, max: 900 }));
  fc.assert(
    fc.property(fc.array(span, { maxLength: 12 }), span, (standing, [start, hours, mbps]) => {
      database.exec("DELETE FROM commitments");
      for (const [begin, length, taken] of standing) commitments.add(wish(begin, begin + length, taken));
      const totals = Array.from({ length: hours }, (_, hour) =>
        standing.reduce((sum, [begin, length, taken]) => {
          const at = start + hour;
          return begin <= at && at < begin + length ? sum + taken : sum;
        }, mbps),
      );
      expect(commitments.totalMbps(wish(start, start + hours, mbps))).toBe(Math.max(...totals));
    }),
  );
});
