import { execFile } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import type { Context } from "../../provider/context.ts";
import type { Move } from "../../provider/controller/move.ts";
import { endAt } from "../../provider/controller/move.ts";
import { type Location, location, type PathChoice } from "../../provider/controller/placement.ts";
import type { Host } from "../../provider/host/host.ts";
import { openLocal } from "../../provider/host/local.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { vmSpec } from "../../provider/hypervisor/vm-spec.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { AMS, SAN } from "../domain/testbed.ts";

const run = promisify(execFile);

/** Two sites that are namespaces and folders of this machine, and a context that reaches them without ssh. */
export interface TwoSites {
  readonly directory: string;
  readonly ams: Location;
  readonly san: Location;
  readonly context: Context;
  /** What the narrator was told. */
  readonly told: string[];
  readonly namespace: (site: "ams" | "san") => string;
  ip(site: "ams" | "san", ...argv: string[]): Promise<string>;
  moveOf(path?: PathChoice): Promise<Move>;
  close(): Promise<void>;
}

const TUNNEL_ADDRESS = { ams: "192.0.2.10", san: "198.51.100.10" };

const unasked = (what: string) => (): never => {
  throw new Error(`${what} is not asked in this test`);
};

const fingerprint = `SHA256:${"A".repeat(43)}`;
const domain = (name: string) => ({ name, url: "https://127.0.0.1:1", fingerprint });

export async function twoSites(overrides: Partial<Context> = {}): Promise<TwoSites> {
  const directory = await mkdtemp(path.join(tmpdir(), "tt-c-"));
  const tag = randomBytes(3).toString("hex");
  const namespace = (site: "ams" | "san") => `tc-${tag}-${site}`;
  const ip = async (site: "ams" | "san", ...argv: string[]) =>
    (await run("ip", ["-n", namespace(site), ...argv])).stdout;
  for (const site of ["ams", "san"] as const) await run("ip", ["netns", "add", namespace(site)]);
  for (const [site, address] of Object.entries(TUNNEL_ADDRESS)) {
    const at = ["-n", `tc-${tag}-${site}`];
    await run("ip", [...at, "address", "add", `${address}/32`, "dev", "lo"]);
    await run("ip", [...at, "link", "set", "lo", "up"]);
  }
  const cable = ["mtu", "9000", "type", "veth", "peer", "name", "lp0", "netns", namespace("san")];
  await run("ip", ["link", "add", "lp0", "netns", namespace("ams"), ...cable]);
  const site = (name: "ams" | "san", net: string, stp: string) =>
    location.parse({
      ...{ name, stp, domain: domain(`${name}.example`) },
      hosts: [
        {
          ...{ name: `${name}-1`, address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA", storage: `${directory}/${name}` },
          ...{ accelerator: "tcg", lightpath: { address: `${net}.130`, devices: ["lp0", "lp1"] } },
          tunnel: { address: TUNNEL_ADDRESS[name] },
        },
      ],
    });
  const hosts = new Map<string, Host>();
  for (const name of ["ams", "san"] as const) hosts.set(`${name}-1`, openLocal(name, { namespace: namespace(name) }));
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  const context: Context = {
    narrator: { info: tell, warn: tell, progress: tell },
    credentials: { sshPrivateKey: undefined, caller: undefined, nsi: undefined, oscarsToken: undefined },
    hosts: { open: async ({ name }) => hosts.get(name) ?? unasked(name)() },
    ...{ aaa: unasked("a domain's AAA"), lightpath: unasked("a domain's DRAC"), drac: unasked("a domain's DRAC") },
    ...{ tunnel: () => vxlan, hypervisor: () => qemu },
    ...overrides,
  };
  const [ams, san] = [site("ams", "192.0.2", AMS), site("san", "198.51.100", SAN)];
  return {
    ...{ directory, ams, san, context, told, namespace, ip },
    moveOf: async (way = { kind: "fixed", bandwidthMbps: 200, mtu: 9000, rttMs: 198, encryption: "tls" }) => {
      const [from, to] = await Promise.all([ams, san].map((one) => endAt(context, one, first(one), "tiny")));
      if (!from || !to) throw new Error("a site has no host");
      return {
        ...{ id: "m1", vm: vmSpec.parse({ ...TINY, image: imageIn(directory) }), from, to, epoch: 2, path: way },
        ...{ grant: undefined, labels: {}, mode: "live", downtimeBudgetMs: 1000, replicas: "keep" },
      };
    },
    close: async () => {
      for (const host of hosts.values()) await host.close();
      for (const name of ["ams", "san"] as const) await run("ip", ["netns", "del", namespace(name)]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}

export const imageIn = (directory: string) => ({ kernel: `${directory}/kernel`, initrd: `${directory}/initrd` });

const TINY = {
  ...{ name: "tiny", memoryMiB: 64, disks: [{ name: "data", sizeMiB: 8 }] },
  network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
};

function first({ hosts }: Location) {
  const [record] = hosts;
  if (record) return record;
  throw new Error("a site has no host");
}
