import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Observation, Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { commandLine } from "./command-line.ts";
import { files, readRecord, recordText, type VmRecord } from "./files.ts";
import { askMonitor, openMonitor, unaskable } from "./monitor.ts";
import { endProcess } from "./processes.ts";
import type { Qmp } from "./qmp.ts";
import { raiseSegment, razeSegment } from "./segment.ts";

const START_TIMEOUT_MS = 20_000;
/** How long a monitor's socket may stand there unreached before a start is given up. */
const REACH_TIMEOUT_MS = 3_000;
const QUIT_TIMEOUT_MS = 5_000;
const status = z.looseObject({ status: z.string(), running: z.boolean() });

/** Starts the VM for the first time: disks from their images, network segment, record, QEMU. */
export async function start(place: Place, vm: VmSpec, epoch: number): Promise<void> {
  const at = files(place.directory);
  await place.host.writeFile(at.record, recordText({ schema: 1, role: "active", epoch, vm }));
  for (const disk of vm.disks) await createDisk(place, disk, disk.image);
  await launch(place, vm, false);
}

/** Destination of a move: empty disks, segment, and a QEMU that waits and never runs by itself. */
export async function receive(place: Place, vm: VmSpec, epoch: number): Promise<void> {
  const record: VmRecord = { schema: 1, role: "incoming", epoch, vm };
  await place.host.writeFile(files(place.directory).record, recordText(record));
  for (const disk of vm.disks) await createDisk(place, disk, undefined);
  await launch(place, vm, true);
}

export async function observe(place: Place): Promise<Observation> {
  const record = await readRecord(place.host, place.directory);
  if (!record) return { kind: "absent" };
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
  const record = await readRecord(place.host, place.directory);
  if (record) return record.vm;
  throw new TurntableError("vm.not-found", `${place.directory} at ${place.host.name} holds no VM`, {
    ...{ retry: "never", next: "Run `pulumi refresh` to see where the VM is." },
  });
}

/** Ends QEMU and removes every trace of the VM at this place, but for its disks if told so. */
export async function remove(place: Place, vmName: string, options = { keepDisks: false }): Promise<void> {
  await quit(place, vmName);
  await razeSegment(place.host, vmName);
  const { record } = files(place.directory);
  const names = await place.host.list(place.directory);
  const going = options.keepDisks ? names.filter((name) => !name.endsWith(".qcow2")) : names;
  const paths = going.map((name) => `${place.directory}/${name}`).filter((path) => path !== record);
  // The record last: by it, what was removed half-way is found again.
  await Promise.all(paths.map((path) => place.host.remove(path)));
  await place.host.remove(options.keepDisks ? record : place.directory);
}

/** Ends QEMU and what helps it, and waits until they are gone: asked first, then made. */
export async function quit(place: Place, vmName: string): Promise<void> {
  const at = files(place.directory);
  // One that answers somebody else, or nobody, ends by its pid.
  const qmp = await openMonitor(place, vmName).catch(unlessSilent);
  if (qmp) await Promise.race([leave(qmp), sleep(QUIT_TIMEOUT_MS, undefined, { ref: false })]);
  qmp?.close();
  const names = await place.host.list(place.directory);
  const pidFiles = names.filter((name) => name.endsWith(".pid")).map((name) => `${place.directory}/${name}`);
  for (const pidFile of pidFiles) await endProcess(place, pidFile);
  await place.host.remove(at.observerMonitor);
}

async function leave(qmp: Qmp): Promise<void> {
  await qmp.execute("quit").catch(() => undefined);
  await qmp.closed();
}

function unlessSilent(thrown: unknown): undefined {
  if (thrown instanceof TurntableError && thrown.code === "hypervisor.failed") return undefined;
  throw thrown;
}

async function createDisk(place: Place, disk: VmSpec["disks"][number], image: string | undefined): Promise<void> {
  const path = files(place.directory).disk(disk.name);
  await place.host.remove(path);
  if (image) await place.host.run(["qemu-img", "convert", "-O", "qcow2", image, path], { timeoutMs: 600_000 });
  else await place.host.run(["qemu-img", "create", "-q", "-f", "qcow2", path, `${disk.sizeMiB}M`]);
  if (image) await place.host.run(["qemu-img", "resize", "-q", path, `${disk.sizeMiB}M`]);
}

async function launch(place: Place, vm: VmSpec, incoming: boolean): Promise<void> {
  await raiseSegment(place.host, vm.name);
  const argv = commandLine(vm, { directory: place.directory, accelerator: place.accelerator, incoming });
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
