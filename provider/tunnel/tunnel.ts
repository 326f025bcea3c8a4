import { z } from "zod";
import type { Host } from "../host/host.ts";
import { hostRecord } from "../host/record.ts";
import { vmSpec } from "../hypervisor/vm-spec.ts";

/** A host where a tunnel ends: how to reach it, and its address on the routed network. */
export const tunnelEnd = hostRecord.extend({ tunnel: z.strictObject({ address: z.ipv4() }) });

/** A client gateway: the end of the tunnel on the clients' side. */
export const gatewayRecord = tunnelEnd;

/** What stands at the VM's host as `<storage>/<vm>/tunnels/<name>.json`, so that a move finds its tunnels itself. */
export const tunnelRecord = z.strictObject({
  schema: z.literal(1).default(1),
  name: z.string().regex(/^[a-z][a-z0-9-]{0,31}$/),
  kind: z.enum(["vxlan"]).default("vxlan"),
  /** Part of file names at the hosts. */
  vm: vmSpec.shape.name,
  mac: z.string().regex(/^([0-9a-f]{2}:){5}[0-9a-f]{2}$/),
  vni: z.int().min(1).max(0xffffff),
  /** Of the VM's subnet, inside the tunnel; the routed network's less 50 bytes (VXLAN over IPv4). */
  mtu: z.int().min(576).max(9000).default(1400),
  /** Address/prefix under which the gateway serves the VM's subnet: "10.1.1.1/24". */
  gatewayAddress: z.cidrv4(),
  gateway: gatewayRecord,
});

export type GatewayRecord = z.output<typeof gatewayRecord>;
export type TunnelRecord = z.output<typeof tunnelRecord>;

/** Where a tunnel leads: the routed address of the VM's site, and the epoch that put it there. */
export interface Endpoint {
  readonly address: string;
  readonly epoch: number;
}

/**
 * A turn staged at the gateway. It happens when, and only when, a datagram
 * `turn <epoch> <hex HMAC-SHA256(key, "turn <epoch>")>` reaches address:port, and is answered by
 * `turned <epoch> <hex HMAC-SHA256(key, "turned <epoch>")>`; repeats are answered again.
 */
export interface StagedTurn {
  readonly trigger: { readonly address: string; readonly port: number; readonly keyHex: string };
  /** Resolves when the turn was made, with the gateway's monotonic clock (ns) and how long it took. */
  readonly turned: Promise<{ readonly atNs: number; readonly tookMs: number }>;
  /** Gives the stage up; nothing has changed unless `turned` resolved. */
  cancel(): Promise<void>;
}

/** Port: a layer-2 tunnel from a client gateway to the site where a VM runs. */
export interface Tunnel {
  /** Gateway end: device, address, forwarding to the endpoint, filter that admits tunnel packets of that endpoint only. Idempotent. */
  establish(gateway: Host, record: TunnelRecord, endpoint: Endpoint): Promise<void>;
  /** Site end: device from the site's routed address to the gateway, in the VM's bridge, filter that admits the gateway only. Idempotent. */
  attach(site: Host, record: TunnelRecord, siteAddress: string): Promise<void>;
  /** Undo of attach; what is not there is fine. */
  detach(site: Host, record: TunnelRecord): Promise<void>;
  /** Prepares the turn to `next` at the gateway, everything but the deed. Refuses an epoch that is not newer than the gateway's. */
  stage(gateway: Host, record: TunnelRecord, next: Endpoint): Promise<StagedTurn>;
  /** What the gateway really does now (device, forwarding, filter and epoch read back), or undefined where there is no such tunnel. */
  observe(gateway: Host, record: TunnelRecord): Promise<Endpoint | undefined>;
  /** Undo of establish. */
  dismantle(gateway: Host, record: TunnelRecord): Promise<void>;
}
