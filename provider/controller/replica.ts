import type { Arrival, Hypervisor, Place } from "../hypervisor/hypervisor.ts";
import type { VmSpec } from "../hypervisor/vm-spec.ts";

/** A way that a VM's disks may go. */
export interface Way {
  readonly from: Place;
  readonly to: Place;
  readonly vm: VmSpec;
}

/**
 * Whether a move can be written on top of what its destination still has of the VM: then only what changed since
 * travels. A replica that is of another generation, or not what it was, is told and given up for a full copy. Both
 * ends read their copy for this, each for itself, while the VM runs.
 */
export async function foundation(
  way: Way,
  hypervisor: Hypervisor,
  warn: (text: string) => void,
): Promise<Arrival["onto"]> {
  const seen = await hypervisor.observe(way.to);
  if (seen.kind !== "replica") return "nothing";
  await hypervisor.settleDisks(way.from, way.vm);
  const fault = await difference(way, hypervisor, seen.generation);
  if (fault === undefined) return "replica";
  warn(`the replica at ${way.to.site} cannot be used and is replaced by a full copy: ${fault}`);
  return "nothing";
}

async function difference({ from, to, vm }: Way, hypervisor: Hypervisor, there: string): Promise<string | undefined> {
  if ((await hypervisor.generationAt(from)) !== there) return "it is of another generation";
  const [ours, theirs] = await Promise.all([hypervisor.digests(from, vm), hypervisor.digests(to, vm)]);
  if (theirs === undefined) return "it cannot be read";
  if (ours === undefined) return `what it should hold cannot be read at ${from.site}`;
  const differing = vm.disks.map(({ name }) => name).filter((name) => ours.get(name) !== theirs.get(name));
  return differing.length > 0 ? `disk ${differing.join(", ")} is not what it was` : undefined;
}
