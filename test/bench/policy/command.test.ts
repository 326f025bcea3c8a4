import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { expect, test } from "vitest";
import { z } from "zod";

const summary = z.object({
  vms: z.literal(20),
  decisions: z.literal(5),
  rows: z.array(z.object({ variant: z.string(), medianMs: z.number().positive(), ratio: z.number().positive() })),
});

test("a table, then one line of JSON with the same figures", async () => {
  const program = new URL("../main.ts", import.meta.url).pathname;
  const argv = [program, "policy", "--vms", "20", "--decisions", "5", "--json"];
  const lines = (await promisify(execFile)(process.execPath, argv)).stdout.trimEnd().split("\n");
  const { rows } = summary.parse(JSON.parse(lines.at(-1) ?? ""));
  expect(rows[0]?.ratio).toBe(1);
  for (const [index, { variant, medianMs }] of rows.entries()) {
    expect(lines[2 + index]?.startsWith(`| ${variant} | ${medianMs.toFixed(3)} |`)).toBe(true);
  }
  expect(rows).toHaveLength(4);
});
