import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../errors.ts";
import type { Place, Remains } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { diskFile, files, readRecord, readReplica, recordText } from "./files.ts";
import { collapse } from "./layers.ts";
import { openMonitor } from "./monitor.ts";
import { endProcess } from "./processes.ts";
import type { Qmp } from "./qmp.ts";
import { razeSegment } from "./segment.ts";

const QUIT_TIMEOUT_MS = 5_000;

/** See Hypervisor.remove. */
export async function remove(place: Place, vmName: string, remains: Remains = "nothing"): Promise<void> {
  const record = await readRecord(place.host, place.directory);
  if (remains === "replica" && record?.role === "active") throw hasTheVm(place, vmName);
  await quit(place, vmName);
  await razeSegment(place.host, vmName);
  if (remains === "disks" && record?.role === "active") {
    await collapse(place, record.vm);
    return await clear(place, bases(record.vm.disks.map(({ name }) => name)));
  }
  const replica = remains === "replica" ? await readReplica(place.host, place.directory) : undefined;
  await clear(place, replica ? [REPLICA, ...bases(replica.disks)] : []);
}

/** See Hypervisor.retire. */
export async function retire(place: Place, vm: VmSpec, generation: string): Promise<void> {
  await quit(place, vm.name);
  await razeSegment(place.host, vm.name);
  await collapse(place, vm);
  const disks = vm.disks.map(({ name }) => name);
  await place.host.writeFile(files(place.directory).replica, recordText({ schema: 1, generation, disks }));
  await clear(place, [REPLICA, ...bases(disks)]);
}

const REPLICA = "replica.json";
const bases = (disks: readonly string[]) => disks.map((name) => diskFile(name, "base"));

/** Removes everything but these files; the folder too if there are none. */
async function clear({ host, directory }: Place, kept: readonly string[]): Promise<void> {
  const { record } = files(directory);
  const going = (await host.list(directory)).filter((name) => !kept.includes(name));
  const paths = going.map((name) => `${directory}/${name}`).filter((path) => path !== record);
  // The record last: by it, what was removed half-way is found again.
  await Promise.all(paths.map((path) => host.remove(path)));
  await host.remove(kept.length === 0 ? directory : record);
}

function hasTheVm({ host, site }: Place, vmName: string): TurntableError {
  return new TurntableError("hypervisor.failed", `${vmName} is at ${site}: ${host.name} has it on record`, {
    ...{ retry: "safe", next: "Nothing was removed. Run `pulumi up` again: it looks at both sites first." },
  });
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
