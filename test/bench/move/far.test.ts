import { once } from "node:events";
import { connect, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PulumiCli } from "../../../examples/lab/demo/pulumi.ts";
import { type Inventory, inventory } from "../../../examples/lab/inventory.ts";
import { fromAfar } from "./far.ts";
import type { BenchLab } from "./lab.ts";

const NAMES = ["ams", "san", "gateway", "ams.example", "san.example", "transit.example"];
let servers: Server[];
let near: Inventory;

/** Each server says who it is. */
beforeAll(async () => {
  servers = NAMES.map((name) => createServer((socket) => socket.end(name)).listen(0, "127.0.0.1"));
  await Promise.all(servers.map((server) => once(server, "listening")));
  const [ams = 0, san = 0, gateway = 0, amsAgent = 0, sanAgent = 0, transit = 0] = servers.map(portOf);
  const site = (name: string, port: number, agentPort: number) => ({
    ...{ name, stp: `${name}.example:hosts`, labels: {}, domain: domain(`${name}.example`, agentPort) },
    hosts: [{ ...host(`${name}-1`, port), lightpath: { address: "192.0.2.130", devices: ["lp0"] }, tunnel: TUNNEL }],
  });
  near = inventory.parse({
    ...{ schema: 1, directory: "/var/lib/x", span: { rttMs: 198, rateMbps: 1_000, lossPercent: 0 } },
    sites: { ams: site("ams", ams, amsAgent), san: site("san", san, sanAgent) },
    ...{ transit: domain("transit.example", transit), gateway: { ...host("gateway", gateway), tunnel: TUNNEL } },
    credentials: { sshKeyFile: "/k", callerId: "alice", callerKeyFile: "/c" },
    vm: {
      ...{ name: "vm", image: { kernel: "/k", initrd: "/i", commandLine: "" }, disks: [], memoryMiB: 200, vcpus: 1 },
      network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
    },
    tunnel: { vni: 42, gatewayAddress: "10.1.1.1/24" },
    namespaces: Object.fromEntries(
      ["ams", "san", "amsSwitch", "transitSwitch", "sanSwitch", "gateway", "client"].map((name) => [name, name]),
    ),
  });
});
afterAll(() => {
  for (const server of servers) server.close();
});

function portOf(server: Server): number {
  const address = server.address();
  if (address === null || typeof address === "string") throw new Error("not listening");
  return address.port;
}

const TUNNEL = { address: "203.0.113.26" };
const fingerprint = `SHA256:${"x".repeat(43)}`;
const domain = (name: string, port: number) => ({ name, url: `https://127.0.0.1:${port}`, fingerprint });
const host = (name: string, port: number) => ({
  ...{ name, port, address: "127.0.0.1", user: "root", hostKey: "ssh-ed25519 AAAA", storage: "/var/lib/x" },
});

/** What a far controller is told is all that it knows of the lab. */
const benchOf = (told: Inventory): Pick<BenchLab, "inventory" | "changed"> => ({
  inventory: told,
  changed: async (changes) => ({ inventory: { ...told, ...changes }, pulumi: new PulumiCli("/", {}, false) }),
});

/** Of whom a controller reaches, in the order of {@link NAMES}. */
function portsOf({ sites: { ams, san }, gateway, transit }: Inventory): number[] {
  const domains = [ams.domain, san.domain, transit].map(({ url }) => Number(new URL(url).port));
  return [ams.hosts[0]?.port ?? 0, san.hosts[0]?.port ?? 0, gateway.port, ...domains];
}

/** All else that a controller is told. */
function withoutPorts(told: Inventory): unknown {
  return JSON.parse(JSON.stringify(told, (key, value) => (key === "port" || key === "url" ? undefined : value)));
}

async function nameAt(port: number): Promise<string> {
  const [name] = await once(connect(port, "127.0.0.1"), "data");
  return String(name);
}

test("a far controller finds everyone at another port, the pinned keys unchanged, for as long as it acts", async () => {
  const ports = await fromAfar(benchOf(near), 20, async ({ inventory: told }) => {
    const far = portsOf(told);
    expect(far.filter((port) => portsOf(near).includes(port))).toEqual([]);
    expect(await Promise.all(far.map(nameAt))).toEqual(NAMES);
    expect(withoutPorts(told)).toEqual(withoutPorts(near));
    return far;
  });
  for (const port of ports) await expect(nameAt(port)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});

test("the lines are taken away too when what was done from afar failed", async () => {
  let ports: number[] = [];
  const acting = fromAfar(benchOf(near), 20, async ({ inventory: told }) => {
    ports = portsOf(told);
    throw new Error("no way");
  });
  await expect(acting).rejects.toThrow("no way");
  await expect(nameAt(ports[0] ?? 0)).rejects.toMatchObject({ code: "ECONNREFUSED" });
});
