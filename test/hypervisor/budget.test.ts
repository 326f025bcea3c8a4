import { expect, test } from "vitest";
import { leastDowntimeMs } from "../../provider/hypervisor/downtime.ts";
import type { Progress } from "../../provider/hypervisor/hypervisor.ts";
import { Budget, type Measure } from "../../provider/hypervisor/qemu/budget.ts";

/** The measures that are taken when each round would keep the VM away for so long, in ms. */
function measuresFor(budget: Budget, awayMs: readonly number[]): Measure[] {
  return awayMs.flatMap((expectedDowntimeMs, index) => {
    const progress: Progress = {
      ...{ what: "memory", doneBytes: 1e8, totalBytes: 2e8, bytesPerSecond: 110e6 },
      ...{ round: index + 1, expectedDowntimeMs, dirtiedBytesPerSecond: 150e6 },
    };
    // A round is looked at many times, and counts once.
    const [first, ...others] = [budget.see(progress), budget.see(progress), budget.see(progress)];
    expect(others).toEqual([undefined, undefined]);
    return first ? [first] : [];
  });
}

test("a path costs its light's way and the work at both ends", () => {
  expect(leastDowntimeMs(198)).toBe(129);
});

test("QEMU plans for little where the budget leaves much, and for what it leaves where that is less", () => {
  expect(new Budget(1000, 198).downtimeLimitMs).toBe(30);
  expect(new Budget(140, 198).downtimeLimitMs).toBe(11);
  expect(new Budget(100, 198).downtimeLimitMs).toBe(1);
});

test("as long as rounds shrink nothing is done, however long it takes", () => {
  const shrinking = Array.from({ length: 30 }, (_, round) => 5_000 * 0.85 ** round);
  expect(measuresFor(new Budget(1000, 198), shrinking)).toEqual([]);
});

test("when they stop shrinking within the budget, the budget is used", () => {
  const measures = measuresFor(new Budget(1000, 198), [2000, 900, 700, 690, 700, 695]);
  expect(measures).toEqual([{ kind: "allow", downtimeLimitMs: 871 }]);
});

test("beyond the budget the guest is slowed down step by step, and the move is given up in the end", () => {
  const measures = measuresFor(
    new Budget(500, 198),
    Array.from({ length: 30 }, () => 1_500),
  );
  const percents = measures.flatMap((measure) => (measure.kind === "throttle" ? [measure.percent] : []));
  expect(percents).toEqual([20, 35, 50, 65, 80]);
  const last = measures[percents.length];
  expect(last).toMatchObject({ kind: "give-up" });
  expect(last && "reason" in last ? last.reason : "").toBe(
    "its memory does not converge: slowed down by 80 % the guest still dirties 150.0 MB/s, the path carries 110.0 MB/s, and the last round would take 1500 ms of the 371 ms that a budget of 500 ms leaves for it",
  );
});

test("a guest that was slowed down enough ends within the budget", () => {
  const stubborn = [1500, 1500, 1500, 1500];
  const slowed = [800, 420, 300, 290, 295, 292];
  const kinds = measuresFor(new Budget(500, 198), [...stubborn, ...slowed]).map(({ kind }) => kind);
  expect(kinds).toEqual(["throttle", "allow"]);
});

test("a path that can carry more is had to before the guest is slowed down, once, and after the budget's own allowance", () => {
  const rounds = (awayMs: number, count: number) => Array.from({ length: count }, () => awayMs);
  const within = measuresFor(new Budget(1000, 198, true), [...rounds(800, 4), ...rounds(900, 7)]);
  expect(within.map(({ kind }) => kind)).toEqual(["allow", "raise", "throttle"]);
  const beyond = measuresFor(new Budget(500, 198, true), rounds(1_500, 30));
  const kinds = beyond.map(({ kind }) => kind);
  expect(kinds.slice(0, 7)).toEqual(["raise", ...Array(5).fill("throttle"), "give-up"]);
});

test("where no more is to be had, the guest is slowed down at once", () => {
  const budget = new Budget(500, 198, true);
  expect(measuresFor(budget, [1500, 1500, 1500, 1500])).toEqual([{ kind: "raise" }]);
  const progress: Progress = { what: "memory", doneBytes: 1, totalBytes: 2, bytesPerSecond: 1 };
  expect(budget.instead(progress)).toEqual({ kind: "throttle", percent: 20 });
});
