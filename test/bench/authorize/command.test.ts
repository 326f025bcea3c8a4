import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";

const row = z.object({ seconds: z.number().positive(), medianMs: z.number().positive(), p99Ms: z.number().positive() });
const summary = z.object({
  moves: z.literal(3),
  rows: z.tuple([
    row.extend({ variant: z.literal("at once") }),
    row.extend({ variant: z.literal("one after the other") }),
  ]),
});
const bench = async (...argv: readonly string[]) => {
  const program = new URL("../main.ts", import.meta.url).pathname;
  return await promisify(execFile)(process.execPath, [program, "authorize", "--moves", "3", ...argv]);
};

test("a table, then one line of JSON with the same figures", async () => {
  const lines = (await bench("--json")).stdout.trimEnd().split("\n");
  const { rows } = summary.parse(JSON.parse(lines.at(-1) ?? ""));
  for (const [index, { variant, seconds }] of rows.entries()) {
    expect(lines[2 + index]?.startsWith(`| ${variant} | ${seconds.toFixed(2)} |`)).toBe(true);
  }
});
