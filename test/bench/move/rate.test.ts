import { expect, test } from "vitest";
import { busyBefore, steadyRateMBps } from "./rate.ts";

/** Ten notes a second from 0 on: what each tenth carried, in 10^6 bytes. */
function notes(tenthsMB: readonly number[]) {
  let sentBytes = 0;
  return [0, ...tenthsMB].map((step, index) => {
    sentBytes += step * 1e6;
    return { atMs: index * 100, sentBytes };
  });
}

const many = (count: number, step: number): number[] => Array.from({ length: count }, () => step);

test("slow start does not count", () => {
  expect(steadyRateMBps(notes([...many(30, 1), ...many(40, 11)]), 0, 7_000)).toBe(110);
});

test("a copy that is over too soon has no steady rate", () => {
  expect(() => steadyRateMBps(notes(many(35, 11)), 0, 3_500)).toThrow(/before its rate was steady/);
});

test("a copy lasts from the first to the last time that the path was busy before the next one", () => {
  const seen = notes([...many(20, 0.001), ...many(60, 11), ...many(5, 0.001), ...many(50, 10)]);
  expect(busyBefore(seen, 8_500)).toEqual({ fromMs: 2_000, toMs: 8_000 });
  expect(() => busyBefore(seen, 1_500)).toThrow(/carried nothing/);
});
