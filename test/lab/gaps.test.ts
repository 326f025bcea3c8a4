import { expect, test } from "vitest";
import { longest, longestWithin } from "../../examples/lab/demo/gaps.ts";

/** A short one, one in the middle, and the switchover's, which begins just before the guest stops at 1000 and is longest. */
const GAPS = [
  { startAtMs: 996.4, lengthMs: 180 },
  { startAtMs: 500, lengthMs: 61.4 },
  { startAtMs: 90, lengthMs: 40 },
];

test("the longest gap before the switchover is not the switchover's", () => {
  expect(longest(GAPS)).toBe(180);
  expect(longestWithin(GAPS, 100, 1_000)).toBe(61);
});

test("a gap that reaches into the range, or out of it, counts with its part inside", () => {
  expect(longestWithin(GAPS.slice(0, 1), 100, 1_000)).toBe(4);
  expect(longestWithin(GAPS.slice(2), 100, 1_000)).toBe(30);
  // The guest stood still for 400 ms before it was stopped, and nothing came until it ran again.
  expect(longestWithin([{ startAtMs: 600, lengthMs: 570 }], 100, 1_000)).toBe(400);
  expect(longestWithin([], 100, 1_000)).toBe(0);
});
