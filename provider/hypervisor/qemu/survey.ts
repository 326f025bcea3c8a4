import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Host } from "../../host/host.ts";
import type { Survey } from "../hypervisor.ts";

/** Looks at a host with the standard library alone; Python is on every host that has QEMU's tools. */
const PROGRAM = `
import json, os, re, shutil, subprocess, sys
parameters = json.loads(sys.stdin.readline())
def version(program):
    try:
        return subprocess.run([program, "--version"], capture_output=True, text=True, timeout=10).stdout.split("\\n")[0]
    except OSError:
        return ""
memory = dict(re.findall(r"^(\\w+):\\s+(\\d+)", open("/proc/meminfo").read(), re.M))
folder = parameters["storage"]
while not os.path.isdir(folder):
    folder = os.path.dirname(folder)
space = os.statvfs(folder)
cores = {(block.split("physical id")[-1][:6], line) for block in open("/proc/cpuinfo").read().split("\\n\\n") for line in block.split("\\n") if line.startswith("core id")}
print(json.dumps({
    "threads": os.cpu_count(), "cpus": len(cores) or os.cpu_count(),
    "memoryMiB": int(memory["MemTotal"]) // 1024, "memoryAvailableMiB": int(memory["MemAvailable"]) // 1024,
    "storageAvailableMiB": space.f_bavail * space.f_frsize >> 20, "writable": os.access(folder, os.W_OK),
    "qemu": version("qemu-system-x86_64"), "kvm": os.access("/dev/kvm", os.R_OK | os.W_OK),
    "absent": [p for p in ("qemu-system-x86_64", "qemu-img", "nbdkit", "ip", "ss", "bridge") if not shutil.which(p)],
    "tap": os.access("/dev/net/tun", os.R_OK | os.W_OK)}))
`;

const answer = z.strictObject({
  threads: z.int(),
  cpus: z.int(),
  memoryMiB: z.int(),
  memoryAvailableMiB: z.int(),
  storageAvailableMiB: z.int(),
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
  const { cpus, threads, memoryMiB, memoryAvailableMiB, storageAvailableMiB } = facts;
  return { cpus, threads, memoryMiB, memoryAvailableMiB, storageAvailableMiB, hypervisor: "qemu", version, missing };
}

function notSurveyed(host: Host, stderr: string): TurntableError {
  const reason = stderr.trim().split("\n").at(-1) ?? "";
  return new TurntableError("host.command-failed", `${host.name} could not be surveyed: ${reason}`, {
    ...{ retry: "safe", next: "See that Python 3.9 or later and Linux's /proc are there, and run `pulumi up` again." },
  });
}
