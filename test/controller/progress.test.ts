import { expect, test } from "vitest";
import { progressLine } from "../../provider/controller/progress.ts";

test("a copy is told with bar, share, rate, rest and how long the VM would be away", () => {
  const memory = { doneBytes: 45e6, totalBytes: 180e6, bytesPerSecond: 112.5e6, expectedDowntimeMs: 30 };
  expect(progressLine({ what: "memory", ...memory }, 198, "live")).toBe(
    "[4/6] migrate: memory █████░░░░░░░░░░░░░░░  25% (45.0 of 180.0 MB, 112.5 MB/s, 135.0 MB left, about 129 ms away)",
  );
});

test("nothing to copy, or more copied than was thought, is no bar that bursts", () => {
  const disk = { what: "disk", doneBytes: 0, totalBytes: 0, bytesPerSecond: 0 } as const;
  expect(progressLine(disk, 10, "live")).toMatch(/ {3}0% \(0\.0 of 0\.0 MB, 0\.0 MB\/s, 0\.0 MB left\)$/);
  expect(progressLine({ ...disk, doneBytes: 2e6, totalBytes: 1e6 }, 10, "live")).toMatch(
    /█{20} 100% .*0\.0 MB left\)$/,
  );
});

test("of a VM that stands still it is told, while its memory is copied, not how long it would be away", () => {
  const copy = { doneBytes: 45e6, totalBytes: 180e6, bytesPerSecond: 112.5e6, expectedDowntimeMs: 30 };
  expect(progressLine({ what: "memory", ...copy }, 198, "suspended")).toMatch(/135\.0 MB left, VM suspended\)$/);
  expect(progressLine({ what: "disk", ...copy }, 198, "suspended")).not.toMatch(/suspended/);
});
