import { expect, test } from "vitest";
import { copyMs, requireTime } from "../../provider/controller/prediction.ts";

const inSeconds = (seconds: number) => new Date(Date.now() + seconds * 1_000).toISOString();

test("a copy takes its bytes over the path's rate, and some seconds to begin and end", () => {
  expect(copyMs(1e9, 1_000)).toBe(6_000 + 8_000);
  expect(copyMs(0, 10)).toBe(6_000);
});

test("a stage that would outlast the right to it does not begin, and says by how much", () => {
  requireTime("migrate", 10_000, { what: "the reservation", end: inSeconds(60) });
  const late = () => requireTime("migrate", 61_500, { what: "the reservation", end: inSeconds(60) });
  expect(late).toThrow(
    /^migrate would take about 62 s, until [\d:T-]+Z, but the reservation ends at [\d:T-]+Z \(move\.failed\)/,
  );
  expect(late).toThrow(expect.objectContaining({ code: "move.failed", retry: "safe" }));
});
