import { readFile } from "node:fs/promises";
import { z } from "zod";
import { writeAtomically } from "../../../examples/lab/files.ts";
import type { Inventory } from "../../../examples/lab/inventory.ts";
import type { SiteName } from "../../../examples/lab/layout.ts";

const bag = z.record(z.string(), z.unknown());
const resource = z.strictObject({
  id: z.string(),
  inputs: bag,
  outs: bag,
  /** Its last update failed after it had changed the world: the next `up` updates it again, whatever has changed. */
  unfinished: z.boolean(),
});
const stack = z.strictObject({ placement: resource.optional(), tunnel: resource.optional() });

export type Recorded = z.output<typeof resource>;
export type Stack = z.output<typeof stack>;

/** What the engine remembers between two commands. */
export async function readStack(file: string): Promise<Stack> {
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? {} : stack.parse(JSON.parse(text));
}

export async function writeStack(file: string, content: Stack): Promise<void> {
  await writeAtomically(file, JSON.stringify(content));
}

/** As much as a move of examples/turn asks for. */
const BANDWIDTH_MBPS = 900;

/** What examples/turn declares for its VM, as it comes to the provider. */
export function placementAt({ vm, sites }: Inventory, site: SiteName): Record<string, unknown> {
  const lightpath = { kind: "on-demand", bandwidthMbps: BANDWIDTH_MBPS, encryption: "tls" };
  return { ...vm, site, location: sites[site], lightpath };
}

/** What it declares for its clients' tunnel, given what became of the VM. */
export function tunnelTo({ vm, gateway, tunnel, sites }: Inventory, site: SiteName, placement: Recorded) {
  const [host] = sites[site].hosts;
  if (host === undefined) throw new RangeError(`${site} has no host`);
  const { name, address, port, user, hostKey, storage } = host;
  return {
    ...{ name: "clients", vm: vm.name, vmId: placement.id, mac: vm.network.mac, site, epoch: placement.outs.epoch },
    host: { name, address, port, user, hostKey, storage, tunnel: host.tunnel },
    ...{ gateway, address: tunnel.gatewayAddress, vni: tunnel.vni },
  };
}
