import { copyFile, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { attempt, run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

const MODEL = join(REPOSITORY, "provider", "hypervisor", "qemu", "pilot", "switchover.pml");
const MEMORY_MB = 1024;
const DEEPEST = 10_000;

/** What is looked for: a state or a resting place where a property is broken, or a run that never ends. */
export type Search = "states" | "cycles";

export interface Verdict {
  readonly errors: number;
  /** What the first error breaks: a property's name, or spin's own word (`invalid end state`, `non-progress cycle`). */
  readonly broken: string | undefined;
  /** Nothing was left out: neither depth nor memory ran out. */
  readonly complete: boolean;
  readonly states: number;
  /** Processes of the model with no statement that no run comes to. */
  readonly whollyReached: readonly string[];
}

/** Has spin search the switchover's model, translated with these macros. Rejects if spin or gcc fails. */
export async function search(what: Search, ...macros: string[]): Promise<Verdict> {
  const folder = await mkdtemp(join(tmpdir(), "turntable-model-"));
  try {
    const inFolder = { cwd: folder };
    await copyFile(MODEL, join(folder, "switchover.pml"));
    await run(["spin", ...macros.map((macro) => `-D${macro}`), "-a", "switchover.pml"], inFolder);
    const kind = what === "states" ? "-DSAFETY" : "-DNP";
    await run(["gcc", "-O1", "-w", kind, "-DNOCLAIM", `-DMEMLIM=${MEMORY_MB}`, "-o", "pan", "pan.c"], inFolder);
    const options = what === "states" ? [] : ["-l"];
    const { stdout } = await attempt([join(folder, "pan"), `-m${DEEPEST}`, ...options], inFolder);
    return verdictIn(stdout);
  } finally {
    await rm(folder, { recursive: true });
  }
}

function verdictIn(report: string): Verdict {
  const summary = /errors: (\d+)\n\s*(\d+) states, stored/.exec(report);
  if (!summary) throw new Error(`the model's search came to no end: ${report}`);
  return {
    errors: Number(summary[1]),
    states: Number(summary[2]),
    broken: /^pan:1: (?:assertion violated )?([\w -]+) \(at depth/m.exec(report)?.[1],
    complete: !/Search not completed|search depth too small|out of memory|reached -DMEMLIM/.test(report),
    whollyReached: [...report.matchAll(/unreached in proctype (\w+)\n\t\(0 of /g)].map(([, name = ""]) => name),
  };
}
