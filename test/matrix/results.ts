import { appendFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { readIfThere } from "../../examples/lab/files.ts";
import { type Cell, type Result, result } from "./result.ts";

/** One line a cell played, in the order in which they were. */
export const RESULTS_FILE = fileURLToPath(new URL("results.jsonl", import.meta.url));

/** Rejects if the file holds what is no result. */
export async function readResults(file = RESULTS_FILE): Promise<readonly Result[]> {
  const lines = ((await readIfThere(file)) ?? "").split("\n").filter((line) => line !== "");
  return lines.map((line) => result.parse(JSON.parse(line)));
}

export async function addResult(one: Result, file = RESULTS_FILE): Promise<void> {
  await appendFile(file, `${JSON.stringify(result.parse(one))}\n`);
}

export const resultsOf = (all: readonly Result[], { fault, moment }: Cell): readonly Result[] =>
  all.filter((one) => one.fault === fault && one.moment === moment);
