import { z } from "zod";
import type { Host } from "../../host/host.ts";
import { vmSpec } from "../vm-spec.ts";

/** `<storage>/<vm>/vm.json`: the word on whose VM this is. Only the place whose record says `active` may run it; `refused` never may. */
export const vmRecord = z.strictObject({
  schema: z.literal(1),
  role: z.enum(["active", "incoming", "refused"]),
  epoch: z.int().positive(),
  vm: vmSpec,
});

export type VmRecord = z.output<typeof vmRecord>;

/** Names of a VM's files inside its directory. QEMU serves one client a monitor, hence three of them. */
export const files = (directory: string) => ({
  record: `${directory}/vm.json`,
  pilotMonitor: `${directory}/qmp-pilot.sock`,
  guardianMonitor: `${directory}/qmp-guardian.sock`,
  observerMonitor: `${directory}/qmp-observer.sock`,
  log: `${directory}/qemu.log`,
  serial: `${directory}/serial.log`,
  pid: `${directory}/qemu.pid`,
  disk: (name: string) => `${directory}/${name}.qcow2`,
  nearEnd: (name: string) => `${directory}/near-${name}.sock`,
  nearEndPid: (name: string) => `${directory}/near-${name}.pid`,
  nearEndLog: `${directory}/nbdkit.log`,
});

/** Undefined if there is none. */
export async function readRecord(host: Host, directory: string): Promise<VmRecord | undefined> {
  const text = await host.readFile(files(directory).record);
  return text === undefined ? undefined : vmRecord.parse(JSON.parse(text));
}

/** The record as it stands in the file. */
export const recordText = (record: VmRecord): string => `${JSON.stringify(record, null, 2)}\n`;
