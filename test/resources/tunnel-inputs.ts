import { generateKeyPairSync } from "node:crypto";
import type { Context } from "../../provider/context.ts";
import type { HostRecord } from "../../provider/host/record.ts";
import type { Narrator, Properties } from "../../provider/resource.ts";
import { tunnelResource } from "../../provider/resources/tunnel.ts";
import { type Network, SITES, type SiteName } from "../tunnel/network.ts";
import { composed } from "./declarations.ts";

function anyKey(): string {
  const privateKeyEncoding = { type: "sec1", format: "pem" } as const;
  const publicKeyEncoding = { type: "spki", format: "pem" } as const;
  return generateKeyPairSync("ec", { namedCurve: "P-256", privateKeyEncoding, publicKeyEncoding }).privateKey;
}

/** The real adapters, at the namespaces of this test. `silent` names hosts that do not answer. */
export function contextIn(network: Network, narrator: Narrator, silent: ReadonlySet<string> = new Set()): Context {
  const { gateway, sites } = network;
  const machines = new Map(Object.entries({ gw: gateway, ams1: sites.ams, san1: sites.san }));
  const real = composed({ sshPrivateKey: anyKey() }, narrator);
  // One that is silent is asked for real: at a port where nobody listens.
  const open = async (record: HostRecord) =>
    silent.has(record.name) ? real.hosts.open({ ...record, port: 1 }) : (machines.get(record.name) ?? gateway);
  return { ...real, hosts: { open } };
}

/** Checked inputs of the network's tunnel, with its VM at a site. */
export async function tunnelTo(context: Context, network: Network, site: SiteName, epoch: number, change = {}) {
  const { name, vm, mac, vni, gateway, gatewayAddress } = network.record;
  const at = { name: `${site}1`, address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA", storage: network.folder };
  const host = { ...at, tunnel: { address: SITES[site] } };
  const own: Properties = { name, vm, mac, vni, gateway, address: gatewayAddress };
  const news = { ...own, site, host, vmId: "1", epoch, ...change };
  const { inputs, failures } = await tunnelResource(context).check({ olds: {}, news });
  if (failures.length > 0) throw new Error(JSON.stringify(failures));
  return inputs;
}
