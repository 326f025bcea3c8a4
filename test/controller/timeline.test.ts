import { expect, test } from "vitest";
import { timelineOf } from "../../provider/controller/timeline.ts";

const at = (where: "source" | "destination", event: string, atMs: number) => ({ at: where, event, atMs });

test("the points of a switchover are told from the moment the guest stopped, in order, each once", () => {
  const events = [
    at("destination", "RESUME", 1238.26),
    at("source", "STOP", 1100),
    at("source", "MIGRATION setup", 900),
    at("source", "MIGRATION active", 1000),
    at("source", "MIGRATION active", 1001),
    at("destination", "flushed", 1300),
  ];
  const { stopAtMs, timelineMs } = timelineOf(events);
  expect(stopAtMs).toBe(1100);
  expect(Object.entries(timelineMs)).toEqual([
    ["source MIGRATION active", -100],
    ["source STOP", 0],
    ["destination RESUME", 138.3],
    ["destination flushed", 200],
  ]);
});

test("a guest that was suspended for the copy of its memory stopped then, whatever stopped it before or again", () => {
  const events = [
    at("source", "STOP", 400),
    at("source", "RESUME", 450),
    at("source", "STOP", 1000),
    at("source", "MIGRATION active", 1010),
    at("source", "STOP", 2900),
    at("destination", "RESUME", 3000),
  ];
  const { stopAtMs, timelineMs } = timelineOf(events);
  expect(stopAtMs).toBe(1000);
  expect(Object.entries(timelineMs)).toEqual([
    ["source RESUME", -550],
    ["source STOP", 0],
    ["source MIGRATION active", 10],
    ["destination RESUME", 2000],
  ]);
});

test("where the source was not heard to the end, times count from the first point", () => {
  expect(timelineOf([at("destination", "RESUME", 50), at("destination", "MIGRATION active", 20)])).toEqual({
    timelineMs: { "destination MIGRATION active": 0, "destination RESUME": 30 },
  });
  expect(timelineOf([])).toEqual({ timelineMs: {} });
});
