import { expect, test } from "vitest";
import { statisticsOf } from "./statistics.ts";

test("the middle of an odd number of values is one of them, of an even number between two", () => {
  expect(statisticsOf([30, 10, 20])).toEqual({ min: 10, median: 20, mean: 20, max: 30 });
  expect(statisticsOf([100, 1, 3, 2])).toEqual({ min: 1, median: 2.5, mean: 26.5, max: 100 });
  expect(statisticsOf([7])).toEqual({ min: 7, median: 7, mean: 7, max: 7 });
});

test("nothing has no statistics", () => {
  expect(() => statisticsOf([])).toThrow(RangeError);
});
