import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { allCells, impossibility, possibleCells, timesWanted } from "./cells.ts";
import { isKin, LINEAGE } from "./lineage.ts";
import { overlong } from "./patience.ts";
import { nameOf, type Result } from "./result.ts";
import { readResults } from "./results.ts";
import { table } from "./table.ts";

const played = (changes: Partial<Result>): Result => ({
  ...{ fault: "lightpath cut", moment: "disk copy", at: "2026-01-01T00:00:00.000Z", commit: "c", digest: "new" },
  ...{ driver: "direct", from: "ams", passed: true, failures: [], ran: "source", runs: "destination" },
  ...{
    tcpSurvived: true,
    longestPauseMs: 210,
    longestWriteMs: 2_400,
    heldMs: 0,
    left: [],
    said: "",
    ups: 1,
    tookMs: 1,
  },
  ...changes,
});

const cellOf = (text: string, fault: string, column: number) =>
  text
    .split("\n")
    .find((line) => line.startsWith(`| ${fault} |`))
    ?.split(" | ")[column];

test("a cell tells the worst of what was seen with the newest code, and how often it passed", () => {
  const text = table([
    played({ digest: "old", longestPauseMs: 9_000 }),
    played({ left: ["path"] }),
    played({ longestPauseMs: 300, ran: "destination" }),
    played({ passed: false, longestPauseMs: 5_000, failures: ["two VMs run"] }),
  ]);
  const wanted = "S/D ✓; 0.3/2.4 s; l; 2 of 3";
  expect(cellOf(text, "lightpath cut", 2)).toBe(wanted);
});

test("what was played with an earlier state of the code counts if nothing that matters came since", () => {
  const [kin] = LINEAGE;
  if (kin === undefined) return expect(LINEAGE).toEqual([]);
  const text = table([played({ digest: "old" }), played({ digest: kin.digest }), played({})]);
  expect(cellOf(text, "lightpath cut", 2)).toMatch(/; 2 of 2$/);
});

test("a dead VM has no figures, a cell that cannot be says why, and one that was not played says so", () => {
  const {
    tcpSurvived: _,
    longestPauseMs: __,
    longestWriteMs: ___,
    ...rest
  } = played({ ran: "nowhere", runs: "nowhere" });
  const text = table([{ ...rest, fault: "source QEMU killed" }]);
  expect(cellOf(text, "source QEMU killed", 2)).toBe("†; 1 of 1");
  expect(cellOf(text, "source pilot killed", 7)).toMatch(/^cannot be \(1\)/);
  expect(text).toMatch(/^\(1\) .+\.$/m);
  expect(cellOf(text, "lightpath cut", 1)).toBe("not played");
});

test("fifteen faults at seven moments, each possible one wanted three times, at the switchover ten times", () => {
  expect(allCells()).toHaveLength(15 * 7);
  expect(possibleCells().every((cell) => impossibility(cell) === undefined)).toBe(true);
  expect(timesWanted({ fault: "lightpath cut", moment: "after continue" })).toBe(10);
  expect(timesWanted({ fault: "lightpath cut", moment: "memory copy" })).toBe(3);
});

test("a guest that stands still, or whose write waits, for too long fails a cell; the time it was held by the test is free", () => {
  const slow = { fault: "source pilot killed", moment: "before continue", heldMs: 300 } as const;
  expect(overlong({ ...slow, longestPauseMs: 1_300, longestWriteMs: 3_000 })).toEqual([]);
  expect(overlong({ ...slow, longestPauseMs: 1_301 })).toEqual(["the VM stood still for 1001 ms"]);
  expect(overlong({ ...slow, moment: "after continue", longestPauseMs: 9_000 })).toEqual([]);
  expect(overlong({ ...slow, longestWriteMs: 3_001 })).toEqual(["a write of the guest's waited for 3001 ms"]);
});

test("of what is kept as passed with the present code nothing took too long", async () => {
  const all = await readResults();
  const present = all.filter(({ digest, passed }) => passed && isKin(digest, all.at(-1)?.digest));
  expect(present.length).toBeGreaterThan(0);
  for (const one of present) expect(overlong(one), nameOf(one)).toEqual([]);
});

test("the README shows what the kept results say", async () => {
  expect(await readFile(join(REPOSITORY, "README.md"), "utf8")).toContain(table(await readResults()));
});
