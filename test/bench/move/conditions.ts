import { readFile } from "node:fs/promises";
import { cpus, release, totalmem } from "node:os";
import { z } from "zod";
import { attempt, run } from "../../../examples/lab/command.ts";
import { REPOSITORY } from "../../../examples/lab/layout.ts";

/** Under what the samples that follow in a file were taken. */
export const conditions = z.strictObject({
  kind: z.literal("run"),
  startedAt: z.iso.datetime(),
  /** Of this repository; "-dirty" where files differ from it. */
  commit: z.string(),
  machine: z.strictObject({
    processor: z.string(),
    cores: z.int().positive(),
    memoryGiB: z.number().positive(),
    kernel: z.string(),
    hypervisor: z.string(),
  }),
});
export type Conditions = z.output<typeof conditions>;

/** Of a run that begins now on this machine. */
export async function conditionsNow(): Promise<Conditions> {
  const described = await attempt(["git", "-C", REPOSITORY, "describe", "--always", "--dirty", "--exclude", "*"]);
  const version = await run(["qemu-system-x86_64", "--version"]);
  return {
    kind: "run",
    startedAt: new Date().toISOString(),
    commit: described.code === 0 ? described.stdout.trim() : "unknown",
    machine: {
      processor: await processorName(),
      cores: cpus().length,
      memoryGiB: Math.round(totalmem() / 2 ** 30),
      kernel: release().split("-")[0] ?? "",
      hypervisor: `QEMU ${/version (\S+)/.exec(version)?.[1] ?? "of unknown version"}`,
    },
  };
}

async function processorName(): Promise<string> {
  const text = await readFile("/proc/cpuinfo", "utf8");
  return /^model name\s*: (.*)$/m.exec(text)?.[1] ?? "unknown processor";
}
