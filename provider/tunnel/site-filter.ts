import type { Host } from "../host/host.ts";
import { segmentOf } from "../host/segment.ts";
import { VXLAN_PORT } from "./gateway-program.ts";
import type { TunnelRecord } from "./tunnel.ts";

/**
 * Has the site's end admit packets of the tunnel's gateway only. A VXLAN device takes a frame from whoever knows its VNI,
 * and the site where the VM was knows it, and every sequence number of the sessions that went along.
 * One transaction: where such a filter stands already, there is no moment without one.
 */
export async function admitGateway(site: Host, record: TunnelRecord): Promise<void> {
  const table = tableOf(record);
  const steps = [
    `add table ${table}`,
    `add chain ${table} arriving { type filter hook input priority -300; policy accept; }`,
    `flush chain ${table} arriving`,
    // The VNI lies 12 bytes behind the start of the UDP header (RFC 7348, section 5).
    `add rule ${table} arriving udp dport ${VXLAN_PORT} @th,96,24 ${record.vni} ip saddr != ${record.gateway.tunnel.address} counter drop`,
  ];
  await site.run(["nft", "-f", "-"], { input: `${steps.join("\n")}\n` });
}

/** Undo of `admitGateway`; what is not there is fine. */
export async function removeFilter(site: Host, record: TunnelRecord): Promise<void> {
  const table = tableOf(record);
  await site.run(["nft", "-f", "-"], { input: `add table ${table}\ndelete table ${table}\n` });
}

/** Named after the device, as at the gateway. */
function tableOf(record: TunnelRecord): string {
  return `ip ${segmentOf(record.vm).vxlan}`;
}
