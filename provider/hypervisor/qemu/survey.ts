import { readFileSync } from "node:fs";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Host } from "../../host/host.ts";
import type { Survey } from "../hypervisor.ts";

const source = (name: string) => readFileSync(new URL(`./${name}.py`, import.meta.url), "utf8");
const PROGRAM = `${source("room")}\n${source("survey")}`;

const answer = z.strictObject({
  threads: z.int(),
  cpus: z.int(),
  memoryMiB: z.int(),
  memoryAvailableMiB: z.int(),
  storageAvailableMiB: z.int(),
  vcpusSubscribed: z.int(),
  machine: z.string(),
  machines: z.array(z.string()),
  cpuFlags: z.array(z.string()),
  writable: z.boolean(),
  qemu: z.string(),
  kvm: z.boolean(),
  absent: z.array(z.string()),
  tap: z.boolean(),
});

/** What the host offers, and one sentence for each thing it lacks. QEMU < 9 corrupts memory in moves under TCG. */
export async function survey(host: Host, storage: string, accelerator: "kvm" | "tcg"): Promise<Survey> {
  const pilot = await host.pilot(PROGRAM, { storage });
  const found: unknown[] = [];
  for await (const message of pilot.messages) found.push(message);
  if (found.length === 0) throw notSurveyed(host, (await pilot.ended).stderr);
  const facts = answer.parse(found[0]);
  const version = /version (\d+(?:\.\d+)*)/.exec(facts.qemu)?.[1] ?? "";
  const missing = [
    ...facts.absent.map((program) => `program ${program} is not installed`),
    ...(version !== "" && Number.parseInt(version, 10) < 9 ? [`QEMU is ${version}: 9 or later is needed`] : []),
    ...(facts.tap ? [] : ["/dev/net/tun cannot be opened by this user"]),
    ...(facts.writable ? [] : [`${storage} cannot be written by this user`]),
    ...(accelerator === "kvm" && !facts.kvm
      ? ["/dev/kvm cannot be opened (set accelerator to tcg to do without)"]
      : []),
  ];
  const { qemu: _, absent: __, writable: ___, kvm: ____, tap: _____, ...offer } = facts;
  return { ...offer, hypervisor: "qemu", version, missing };
}

function notSurveyed(host: Host, stderr: string): TurntableError {
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  return new TurntableError("host.command-failed", `${host.name} could not be surveyed: ${reason}`, {
    ...{ retry: "safe", next: "See that Python 3.9 or later and Linux's /proc are there, and run `pulumi up` again." },
  });
}
