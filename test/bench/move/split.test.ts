import { expect, test } from "vitest";
import type { MoveRecord } from "../../../provider/controller/placement.ts";
import { whole } from "../../report/moves.ts";
import { splitOf } from "./split.ts";

const { iterations: _, ...rest } = whole.move;
const record: MoveRecord = { ...rest, iterations: [] };

test("the parts of a blackout make it up", () => {
  const split = splitOf(record);
  expect(split).toEqual({ controlMs: 12.8, lastMemoryMs: 10.8, flightMs: 99.2, destinationMs: 4.2, turnMs: 7.8 });
  const { turnMs: __, ...parts } = split ?? { turnMs: 0 };
  const sum = Object.values(parts).reduce((one, other) => one + other, 0);
  expect(sum).toBeCloseTo(record.blackoutMs ?? 0, 0);
});

test("a record that lacks a point is not split", () => {
  const { "destination RESUME": __, ...timelineMs } = record.timelineMs;
  expect(splitOf({ ...record, timelineMs })).toBeUndefined();
  expect(splitOf({ ...record, mode: "suspended" })).toBeUndefined();
  expect(splitOf({ ...record, path: { hops: [] } })).toBeUndefined();
});
