import { TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import type { HostRecord } from "../host/record.ts";

const folderOf = ({ storage }: HostRecord, vm: string): string => `${storage}/${vm}/tunnels`;

/** Where a tunnel's record stands at the VM's host, for a move to find it. */
export function tunnelRecordPath(record: HostRecord, vm: string, name: string): string {
  return `${folderOf(record, vm)}/${name}.json`;
}

/** Rejects with tunnel.failed if the VM has a tunnel of another name: both would want the one device of its segment. */
export async function refuseSecond(host: Host, record: HostRecord, vm: string, name: string): Promise<void> {
  const names = (await host.list(folderOf(record, vm))).filter((file) => file.endsWith(".json"));
  const other = names.find((file) => file !== `${name}.json`);
  if (other === undefined) return;
  throw new TurntableError("tunnel.failed", `VM ${vm} has the tunnel ${other.slice(0, -".json".length)} already`, {
    retry: "never",
    next: "Remove that one first: a VM has one tunnel.",
  });
}
