import { z } from "zod";
import { TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";
import { segmentOf } from "../host/segment.ts";
import { routedAddress, VXLAN_PORT } from "./gateway-program.ts";
import { admitGateway, removeFilter } from "./site-filter.ts";
import type { TunnelRecord } from "./tunnel.ts";

const link = z.object({
  mtu: z.int(),
  flags: z.array(z.string()),
  master: z.string().optional(),
  linkinfo: z
    .object({
      info_kind: z.string().optional(),
      info_data: z
        .object({
          id: z.int(),
          local: z.string(),
          remote: z.string(),
          port: z.int(),
          learning: z.boolean(),
        })
        .partial()
        .optional(),
    })
    .optional(),
});

/** A device as `ip -j -d link` describes it, or undefined where there is none. */
async function findLink(site: Host, device: string): Promise<z.output<typeof link> | undefined> {
  const { code, stdout } = await site.run(["ip", "-j", "-d", "link", "show", "dev", device], { allowFailure: true });
  if (code !== 0) return undefined;
  return z.array(link).parse(JSON.parse(stdout))[0];
}

function fits(found: z.output<typeof link>, record: TunnelRecord, siteAddress: string): boolean {
  const data = found.linkinfo?.info_data;
  return (
    data?.id === record.vni &&
    data.local === siteAddress &&
    data.remote === record.gateway.tunnel.address &&
    data.port === VXLAN_PORT &&
    data.learning === false &&
    found.mtu === record.mtu &&
    found.master === segmentOf(record.vm).bridge &&
    found.flags.includes("UP")
  );
}

/** Site end of a tunnel: see `Tunnel.attach`. Rejects with tunnel.failed where the VM's bridge is missing. */
export async function attachSite(site: Host, record: TunnelRecord, siteAddress: string): Promise<void> {
  const { bridge, vxlan } = segmentOf(record.vm);
  const [segment, found] = await Promise.all([findLink(site, bridge), findLink(site, vxlan)]);
  if (segment?.linkinfo?.info_kind !== "bridge") {
    throw new TurntableError(
      "tunnel.failed",
      `Tunnel ${record.name} has nothing to lead to at ${site.name}: the bridge ${bridge} of VM ${record.vm} is missing`,
      { retry: "safe", next: "Start or prepare the VM there first, then run pulumi up again" },
    );
  }
  if (found && fits(found, record, siteAddress)) return await admitGateway(site, record);
  const ends = `id ${record.vni} local ${routedAddress(siteAddress)} remote ${record.gateway.tunnel.address}`;
  const steps = [
    ...(found ? [`link delete ${vxlan}`] : []),
    // "remote" makes the one static all-zero entry: all frames go to the gateway, and only there.
    `link add ${vxlan} type vxlan ${ends} dstport ${VXLAN_PORT} nolearning`,
    `link set ${vxlan} mtu ${record.mtu} addrgenmode none master ${bridge}`,
  ];
  await site.run(["ip", "-batch", "-"], { input: `${steps.join("\n")}\n` });
  // In this order: a device that cannot be made leaves no filter, and none is up without one.
  await admitGateway(site, record);
  await site.run(["ip", "link", "set", vxlan, "up"]);
}

/** Undo of `attachSite`. */
export async function detachSite(site: Host, record: TunnelRecord): Promise<void> {
  const { vxlan } = segmentOf(record.vm);
  if (await findLink(site, vxlan)) await site.run(["ip", "link", "delete", vxlan]);
  await removeFilter(site, record);
}
