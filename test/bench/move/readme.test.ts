import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { REPOSITORY } from "../../../examples/lab/layout.ts";
import { readmeTables } from "./readme.ts";
import { Samples } from "./samples.ts";

test("the README shows what the kept results say, and under what they were taken", async () => {
  const kept = await Samples.open(join(REPOSITORY, "test/bench/results/move.jsonl"));
  expect(kept.all.length).toBeGreaterThan(0);
  expect(kept.runs.length).toBeGreaterThan(0);
  expect(await readFile(join(REPOSITORY, "README.md"), "utf8")).toContain(readmeTables(kept));
});
