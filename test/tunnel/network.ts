import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Host } from "../../provider/host/host.ts";
import { openLocal } from "../../provider/host/local.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { type TunnelRecord, tunnelRecord } from "../../provider/tunnel/tunnel.ts";

export const MAC = "02:00:00:00:01:02";
export const GATEWAY = "192.0.2.2";
export const VM = "10.1.1.2";
export const CLIENT = "10.9.9.2";
export const SITES = { ams: "198.51.100.2", san: "203.0.113.2" } as const;
export type SiteName = keyof typeof SITES;

/** A gateway and two sites, each in a namespace on a link of its own to a router; at each site a VM of the same address and MAC. */
export class Network {
  readonly folder = mkdtempSync(join(tmpdir(), "tt-tunnel-"));
  readonly record: TunnelRecord;
  gateway: Host;
  readonly sites: Record<SiteName, Host>;
  readonly vms: Record<SiteName, Host>;
  readonly #prefix: string;
  readonly #namespaces: string[] = [];
  readonly #clients: Host[] = [];

  constructor() {
    this.#prefix = `tt${process.pid}${Math.random().toString(36).slice(2, 6)}`;
    try {
      this.#build();
    } catch (thrown) {
      this.#removeNamespaces();
      throw thrown;
    }
    const host = (name: string) => openLocal(name, { namespace: `${this.#prefix}-${name}` });
    this.gateway = host("gw");
    this.sites = { ams: host("ams"), san: host("san") };
    this.vms = { ams: host("vm-ams"), san: host("vm-san") };
    this.record = tunnelRecord.parse({
      name: "office",
      vm: "guest",
      mac: MAC,
      vni: 77,
      gatewayAddress: "10.1.1.1/24",
      gateway: {
        name: "gw",
        address: "127.0.0.1",
        hostKey: "ssh-ed25519 AAAA",
        storage: this.folder,
        tunnel: { address: GATEWAY },
      },
    });
  }

  #ip(...argv: string[]): void {
    execFileSync("ip", argv, { stdio: ["ignore", "ignore", "inherit"] });
  }

  #namespace(name: string): string {
    const full = `${this.#prefix}-${name}`;
    this.#ip("netns", "add", full);
    this.#namespaces.push(full);
    // No neighbour discovery: only what a test sends is on the wire.
    const quiet = "net.ipv6.conf.default.disable_ipv6=1";
    execFileSync("ip", ["netns", "exec", full, "sysctl", "-qw", quiet]);
    this.#ip("-n", full, "link", "set", "lo", "up");
    return full;
  }

  #build(): void {
    const router = this.#namespace("router");
    execFileSync("ip", ["netns", "exec", router, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
    for (const [name, address] of [["gw", GATEWAY], ...Object.entries(SITES)] as const) {
      const end = this.#namespace(name);
      const first = address.replace(/2$/, "1");
      this.#ip("link", "add", `to-${name}`, "netns", router, "type", "veth", "peer", "name", "up0", "netns", end);
      this.#ip("-n", router, "address", "add", `${first}/24`, "dev", `to-${name}`);
      this.#ip("-n", router, "link", "set", `to-${name}`, "up");
      this.#ip("-n", end, "address", "add", `${address}/24`, "dev", "up0");
      this.#ip("-n", end, "link", "set", "up0", "up");
      this.#ip("-n", end, "route", "add", "default", "via", first);
    }
    for (const site of Object.keys(SITES)) this.#addVm(site);
  }

  #addVm(site: string): void {
    const at = `${this.#prefix}-${site}`;
    const vm = this.#namespace(`vm-${site}`);
    const { bridge, tap } = segmentOf("guest");
    this.#ip("-n", at, "link", "add", bridge, "type", "bridge");
    this.#ip("-n", at, "link", "set", bridge, "up");
    this.#ip("link", "add", tap, "netns", at, "type", "veth", "peer", "name", "eth0", "netns", vm);
    this.#ip("-n", at, "link", "set", tap, "master", bridge, "up");
    this.#ip("-n", vm, "link", "set", "eth0", "address", MAC, "mtu", "1400", "up");
    this.#ip("-n", vm, "address", "add", `${VM}/24`, "dev", "eth0");
  }

  /** A client behind the gateway, and the VMs' way to it. */
  addClient(): Host {
    const [gateway, client] = [`${this.#prefix}-gw`, this.#namespace("client")];
    this.#ip("link", "add", "clients0", "netns", gateway, "type", "veth", "peer", "name", "eth0", "netns", client);
    this.#ip("-n", gateway, "address", "add", "10.9.9.1/24", "dev", "clients0");
    this.#ip("-n", gateway, "link", "set", "clients0", "up");
    this.#ip("-n", client, "address", "add", `${CLIENT}/24`, "dev", "eth0");
    this.#ip("-n", client, "link", "set", "eth0", "up");
    this.#ip("-n", client, "route", "add", "default", "via", "10.9.9.1");
    for (const site of Object.keys(SITES)) {
      this.#ip("-n", `${this.#prefix}-vm-${site}`, "route", "add", "default", "via", "10.1.1.1");
    }
    const host = openLocal("client", { namespace: client });
    this.#clients.push(host);
    return host;
  }

  /** Moves a VM: its interface is plugged in at the other site, its connections stay with it. What stood there is gone. */
  replug(from: SiteName, to: SiteName): void {
    const [old, other] = [`${this.#prefix}-${from}`, `${this.#prefix}-${to}`];
    const { bridge, tap } = segmentOf("guest");
    this.#ip("-n", other, "link", "delete", tap);
    this.#ip("-n", old, "link", "set", tap, "netns", other);
    this.#ip("-n", other, "link", "set", tap, "master", bridge, "up");
  }

  #removeNamespaces(): void {
    for (const name of this.#namespaces.splice(0)) this.#ip("netns", "delete", name);
  }

  /** A new connection to the gateway, after the old one was closed. */
  reopenGateway(): void {
    this.gateway = openLocal("gw", { namespace: `${this.#prefix}-gw` });
  }

  async stop(): Promise<void> {
    const hosts = [this.gateway, ...Object.values(this.sites), ...Object.values(this.vms), ...this.#clients];
    await Promise.all(hosts.map((host) => host.close()));
    this.#removeNamespaces();
    rmSync(this.folder, { recursive: true, force: true });
  }
}
