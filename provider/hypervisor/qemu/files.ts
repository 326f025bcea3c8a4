import { z } from "zod";
import type { Host } from "../../host/host.ts";
import { vmSpec } from "../vm-spec.ts";

/** `<storage>/<vm>/vm.json`: the word on whose VM this is. Only the place whose record says `active` may run it; `refused` never may. */
const vmRecord = z.strictObject({
  schema: z.literal(1),
  role: z.enum(["active", "incoming", "refused"]),
  epoch: z.int().positive(),
  /** Names what the disks held when the VM came here: the id of the move that brought it, or of its creation. */
  generation: z.string().min(1),
  /** Never the alias of the newest: a VM keeps the machine that it was started with. */
  machine: z.string().min(1),
  /** While `incoming`: room is kept for the VM until then, or for as long as its QEMU lives (ms since 1970). */
  heldUntilMs: z.number().optional(),
  vm: vmSpec,
});

/** `<storage>/<vm>/replica.json`: what the VM's disks held when it left, a generation that another site builds upon. */
const replicaRecord = z.strictObject({
  schema: z.literal(1),
  generation: z.string().min(1),
  disks: z.array(z.string()),
});

export type VmRecord = z.output<typeof vmRecord>;
type ReplicaRecord = z.output<typeof replicaRecord>;

/**
 * The layers of a disk, lowest first (qcow2 overlays): `base`, the generation that came with the VM; `delta`, what a
 * move brought on top of a replica and was not merged into it yet; `live`, what the guest has written since.
 */
export type Layer = "base" | "delta" | "live";
export const LAYERS: readonly Layer[] = ["base", "delta", "live"];

/** Names of a VM's files inside its directory. QEMU serves one client a monitor, hence three of them. */
export const files = (directory: string) => ({
  record: `${directory}/vm.json`,
  replica: `${directory}/replica.json`,
  pilotMonitor: `${directory}/qmp-pilot.sock`,
  guardianMonitor: `${directory}/qmp-guardian.sock`,
  observerMonitor: `${directory}/qmp-observer.sock`,
  log: `${directory}/qemu.log`,
  serial: `${directory}/serial.log`,
  pid: `${directory}/qemu.pid`,
  disk: (name: string, layer: Layer) => `${directory}/${diskFile(name, layer)}`,
  flushSocket: `${directory}/flush.sock`,
  nearEnd: (name: string) => `${directory}/near-${name}.sock`,
  nearEndPid: (name: string) => `${directory}/near-${name}.pid`,
  nearEndTally: (name: string) => `${directory}/near-${name}.tally`,
  nearEndLog: `${directory}/nbdkit.log`,
  /** What stands there for the time of a move alone. */
  way: `${directory}/way`,
  wayCredentials: `${directory}/way/credentials`,
  memoryWayConfig: `${directory}/way/memory.conf`,
  memoryWaySocket: `${directory}/way/memory.sock`,
  memoryWayPid: `${directory}/memory-way.pid`,
  memoryWayLog: `${directory}/stunnel.log`,
});

/** A base has the plain name: it is the whole disk wherever nothing was written since. */
export const diskFile = (name: string, layer: Layer): string =>
  layer === "base" ? `${name}.qcow2` : `${name}.${layer}.qcow2`;

/** Undefined if there is none. */
export async function readReplica(host: Host, directory: string): Promise<ReplicaRecord | undefined> {
  const text = await host.readFile(files(directory).replica);
  return text === undefined ? undefined : replicaRecord.parse(JSON.parse(text));
}

/** Undefined if there is none. */
export async function readRecord(host: Host, directory: string): Promise<VmRecord | undefined> {
  const text = await host.readFile(files(directory).record);
  return text === undefined ? undefined : vmRecord.parse(JSON.parse(text));
}

/** The record as it stands in the file. */
export const recordText = (record: VmRecord | ReplicaRecord): string => `${JSON.stringify(record, null, 2)}\n`;
