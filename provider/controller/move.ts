import type { Context } from "../context.ts";
import type { Host } from "../host/host.ts";
import type { HypervisorHostRecord } from "../host/record.ts";
import type { MoveMode, Place, SendRequest } from "../hypervisor/hypervisor.ts";
import type { VmSpec } from "../hypervisor/vm-spec.ts";
import type { Shelf } from "./journal.ts";
import type { GrantReference, Location, PathChoice, ReplicaChoice } from "./placement.ts";

/** One end of a move: a site, one of its hosts, and the VM's place there. */
export interface End {
  readonly location: Location;
  readonly record: HypervisorHostRecord;
  readonly host: Host;
  readonly place: Place;
}

/** A move as decided, before anything is done. */
export interface Move {
  /** Correlates journals, logs and records of one move. */
  readonly id: string;
  readonly vm: VmSpec;
  /** The VM's. */
  readonly labels: Readonly<Record<string, string>>;
  readonly from: End;
  readonly to: End;
  /** The epoch that begins when the destination commits. */
  readonly epoch: number;
  readonly path: PathChoice;
  readonly grant: GrantReference | undefined;
  readonly mode: MoveMode;
  readonly downtimeBudgetMs: number;
  /** What becomes of the disks at the site that the VM leaves. */
  readonly replicas: ReplicaChoice;
  readonly warrants?: SendRequest["warrants"];
}

/** Opens a host of a site and names the VM's place there. */
export async function endAt(
  context: Context,
  location: Location,
  record: HypervisorHostRecord,
  vmName: string,
): Promise<End> {
  const host = await context.hosts.open(record);
  const place: Place = {
    site: location.name,
    host,
    directory: `${record.storage}/${vmName}`,
    accelerator: record.accelerator,
    lightpathAddress: record.lightpath.address,
    routedAddress: record.tunnel.address,
  };
  return { location, record, host, place };
}

export const shelfOf = (end: End): Shelf => ({ host: end.host, directory: end.place.directory });
