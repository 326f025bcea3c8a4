import { expect, test } from "vitest";
import { copyMs, expectedDowntimeMs, requireBudget, requireTime } from "../../provider/controller/prediction.ts";
import type { DirtyRates } from "../../provider/hypervisor/hypervisor.ts";

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

/** As seen over 100 ms and over 1 s, in 10^6 bytes a second. */
const dirtied = (briefMBps: number, longMBps: number): DirtyRates => ({
  brief: { overMs: 100, bytesPerSecond: briefMBps * 1e6 },
  long: { overMs: 1_000, bytesPerSecond: longMBps * 1e6 },
});
const over = (bandwidthMbps: number, rates: DirtyRates, budgetMs = 1_000) =>
  Math.round(expectedDowntimeMs(rates, { bandwidthMbps, rttMs: 198 }, budgetMs));

test("a VM that dirties nothing is away for its path's length; one that dirties what the path keeps up with, for little more", () => {
  expect(over(900, dirtied(0, 0))).toBe(129);
  expect(over(900, dirtied(30, 30))).toBe(146);
  // The last pass may take 30 ms, and less where the budget leaves less.
  expect(over(900, dirtied(112, 112))).toBe(159);
  expect(over(900, dirtied(112, 112), 140)).toBe(140);
});

test("one that goes round in little memory is away for as long as the path takes for all of that", () => {
  const all = dirtied(168, 16.8);
  expect(over(900, all)).toBe(129 + 149);
  expect(over(95, all)).toBe(129 + 1_415);
});

test("one that dirties less and less anew is away for the pass in which the path catches up with it", () => {
  // 20 MB in 100 ms and 44.4 MB in each second more: 25.7 MB in 228.6 ms, as the path carries.
  expect(over(900, dirtied(200, 60))).toBe(129 + 229);
});

test("passes that never get shorter have no last one, even where the guest rested while it was looked at briefly", () => {
  expect(over(900, dirtied(400, 400))).toBe(Number.POSITIVE_INFINITY);
  expect(over(900, dirtied(0, 150))).toBe(Number.POSITIVE_INFINITY);
  expect(over(4_000, dirtied(400, 400))).toBeLessThan(160);
});

test("a path whose length alone outlasts the budget is refused, with both; a VM that is suspended has none", () => {
  requireBudget({ mode: "live", downtimeBudgetMs: 129 }, 198);
  const tight = () => requireBudget({ mode: "live", downtimeBudgetMs: 128 }, 198);
  expect(tight).toThrow(
    "at a round trip of 198 ms the VM is away for 129 ms at least, and its budget is 128 ms (move.failed)",
  );
  expect(tight).toThrow(expect.objectContaining({ code: "move.failed", retry: "never" }));
  requireBudget({ mode: "suspended", downtimeBudgetMs: 1 }, 198);
});
