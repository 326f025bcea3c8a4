import { appendFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { conditionsNow } from "./conditions.ts";
import { type Sample, Samples } from "./samples.ts";

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "samples-"));
});
afterAll(async () => {
  await rm(folder, { recursive: true });
});

const taken: Sample = { kind: "virsh", variant: "198 ms idle virsh", blackoutMs: 950, totalMs: 23_500 };

test("a later run goes on from what an earlier one kept", async () => {
  const file = join(folder, "results.jsonl");
  const before = await Samples.open(file);
  expect(before.all).toEqual([]);
  await before.add([taken, taken]);
  await before.add([{ ...taken, variant: "1 ms idle virsh" }]);
  const after = await Samples.open(file);
  expect(after.all).toEqual(before.all);
  expect(after.count(taken.variant)).toBe(2);
});

test("what samples were taken under stands before them and is no sample", async () => {
  const file = join(folder, "conditions.jsonl");
  const now = await conditionsNow();
  const before = await Samples.open(file);
  await before.begin(now);
  await before.add([taken]);
  const after = await Samples.open(file);
  expect(after.runs).toEqual([now]);
  expect(after.all).toEqual([taken]);
  expect(now.machine.hypervisor).toMatch(/^QEMU \d+/);
});

test("a file of something else is refused and left alone", async () => {
  const file = join(folder, "other.jsonl");
  await appendFile(file, '{"kind":"guess"}\n');
  await expect(Samples.open(file)).rejects.toThrow(/kind/);
});
