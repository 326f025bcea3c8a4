import { randomUUID } from "node:crypto";
import path from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Arrival, Observation, Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { claim } from "./claim.ts";
import { type CommandLineOptions, commandLine } from "./command-line.ts";
import { files, type Layer, readRecord, readReplica, type VmRecord } from "./files.ts";
import { createBase, createOverlay } from "./layers.ts";
import { askMonitor, openMonitor, unaskable } from "./monitor.ts";
import { raiseSegment } from "./segment.ts";
import { survey } from "./survey.ts";

const START_TIMEOUT_MS = 20_000;
/** How long room is held for a VM before its QEMU is there. */
const HOLD_MS = 300_000;
/** How long a monitor's socket may stand there unreached before a start is given up. */
const REACH_TIMEOUT_MS = 3_000;
const status = z.looseObject({ status: z.string(), running: z.boolean() });

/** Starts the VM for the first time: disks from their images, network segment, record, QEMU. */
export async function start(place: Place, vm: VmSpec, epoch: number): Promise<void> {
  const { machine } = await survey(place.host, path.dirname(place.directory), place.accelerator);
  await claim(place, { schema: 1, role: "active", epoch, generation: randomUUID(), machine, vm });
  for (const disk of vm.disks) await createBase(place, disk, disk.image);
  await launch(place, vm, { incoming: false, machine, layers: ["base"] });
}

/**
 * Destination of a move: segment, and a QEMU that waits and never runs by itself. What the move brings is written into
 * a layer of its own and what the guest will write into one above it, so that nobody needs to switch layers while it
 * stands still, and a replica stays as it is until the move has succeeded.
 */
export async function receive(place: Place, vm: VmSpec, arrival: Arrival): Promise<void> {
  const { epoch, generation, machine, onto } = arrival;
  const heldUntilMs = Date.now() + HOLD_MS;
  const layers: readonly Layer[] = onto === "replica" ? ["base", "delta", "live"] : ["base", "live"];
  await claim(place, { schema: 1, role: "incoming", epoch, generation, machine, heldUntilMs, vm });
  if (onto === "replica") {
    await createOverlay(place, vm, "delta", "base");
    await createOverlay(place, vm, "live", "delta");
  } else {
    await place.host.remove(files(place.directory).replica);
    for (const disk of vm.disks) await createBase(place, disk);
    await createOverlay(place, vm, "live", "base");
  }
  await launch(place, vm, { incoming: true, machine, layers });
}

/** See Hypervisor.generationAt. */
export async function generationAt({ host, directory }: Place): Promise<string | undefined> {
  const record = (await readRecord(host, directory)) ?? (await readReplica(host, directory));
  return record?.generation;
}

export async function observe(place: Place): Promise<Observation> {
  const record = await readRecord(place.host, place.directory);
  if (!record) {
    const replica = await readReplica(place.host, place.directory);
    return replica ? { kind: "replica", generation: replica.generation } : { kind: "absent" };
  }
  const kind = record.role === "active" ? "active" : "incoming";
  const qmp = await askMonitor(place, record.vm.name);
  if (!qmp) return { kind, epoch: record.epoch, run: "dead" };
  try {
    const { running } = await qmp.query("query-status", status);
    return { kind, epoch: record.epoch, run: running ? "running" : "paused" };
  } finally {
    qmp.close();
  }
}

export async function specOf(place: Place): Promise<VmSpec> {
  return (await recordAt(place)).vm;
}

/** See Hypervisor.machineOf. */
export async function machineOf(place: Place): Promise<string> {
  return (await recordAt(place)).machine;
}

async function recordAt(place: Place): Promise<VmRecord> {
  const record = await readRecord(place.host, place.directory);
  if (record) return record;
  throw new TurntableError("vm.not-found", `${place.directory} at ${place.host.name} holds no VM`, {
    ...{ retry: "never", next: "Run `pulumi refresh` to see where the VM is." },
  });
}

async function launch(
  place: Place,
  vm: VmSpec,
  options: Pick<CommandLineOptions, "incoming" | "layers" | "machine">,
): Promise<void> {
  await raiseSegment(place.host, vm.name);
  const argv = commandLine(vm, { directory: place.directory, accelerator: place.accelerator, ...options });
  const { log: logFile } = files(place.directory);
  const pid = await place.host.launch(argv, { logFile });
  if (await answers(place, vm.name, pid)) return;
  const log = (await place.host.readFile(logFile))?.trim().split("\n").at(-1) ?? "";
  throw new TurntableError("hypervisor.failed", `QEMU of ${vm.name} did not start at ${place.site}: ${log}`, {
    retry: "safe",
    next: `Look at ${logFile} at that host, mend the cause and run \`pulumi up\` again.`,
  });
}

/** Resolves with whether QEMU is there and heard; rejects if it is there and cannot be. */
async function answers(place: Place, vmName: string, pid: number): Promise<boolean> {
  let patienceEnds = Date.now() + START_TIMEOUT_MS;
  const { observerMonitor } = files(place.directory);
  const socket = observerMonitor.slice(place.directory.length + 1);
  for (let listening = false; Date.now() < patienceEnds; await sleep(30)) {
    const qmp = await openMonitor(place, vmName);
    qmp?.close();
    if (qmp) return true;
    const alive = await place.host.run(["kill", "-0", String(pid)], { allowFailure: true });
    if (alive.code !== 0) return false;
    if (listening || !(await place.host.list(place.directory)).includes(socket)) continue;
    listening = true;
    patienceEnds = Date.now() + REACH_TIMEOUT_MS;
  }
  throw unaskable(place, vmName);
}
