import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync } from "node:fs";
import { createServer } from "node:net";
import { text } from "node:stream/consumers";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { attempt, run } from "../../examples/lab/command.ts";
import { inventory } from "../../examples/lab/inventory.ts";
import { ATTACHMENTS, CLIENT_LAN, LIGHTPATH_ADDRESS, type Role } from "../../examples/lab/layout.ts";
import { listNamespaces } from "../../examples/lab/network.ts";
import { connectSsh } from "../../provider/host/ssh.ts";
import { describeSecondLab, type SecondLab } from "./second-lab.ts";
import { connectMs, endChild, floodMbps, serveTraffic } from "./traffic.ts";

const statuses = z.array(z.looseObject({ piece: z.string(), alive: z.boolean() }));

describe("a second lab beside any other", { timeout: 120_000 }, () => {
  let second: SecondLab;
  const namespaces = (): string[] => Object.values(second.lab.namespaces);

  beforeAll(async () => {
    second = await describeSecondLab();
    const { code, stderr } = await second.call("up");
    expect(stderr).toBe("");
    expect(code).toBe(0);
  }, 120_000);

  afterAll(async () => await second.dispose(), 60_000);

  it("is alive in all its pieces, and says so in an inventory", async () => {
    const { stdout } = await second.call("status", "--json");
    const found = statuses.parse(JSON.parse(stdout));
    expect(found.length).toBeGreaterThan(15);
    expect(found.filter(({ alive }) => !alive)).toEqual([]);
    const written = inventory.parse(JSON.parse(readFileSync(second.lab.path("lab.json"), "utf8")));
    expect(written.namespaces.ams).toBe(second.lab.namespaces.ams);
  });

  it("leads nowhere: no default route in any namespace, nothing of it in the machine's own", async () => {
    for (const name of namespaces()) {
      const routes = await run(["ip", "-n", name, "-j", "route", "show", "default"]);
      expect(routes.trim()).toBe("[]");
    }
    expect(await labInMachine()).toEqual([]);
  });

  it("lets the controller in by ssh, under the pinned host keys, on to unix sockets; and no other key", async () => {
    const { sites, gateway, credentials } = inventory.parse(
      JSON.parse(readFileSync(second.lab.path("lab.json"), "utf8")),
    );
    const privateKey = readFileSync(credentials.sshKeyFile, "utf8");
    const socketPath = second.lab.path("ams", "echo.sock");
    const echo = createServer((socket) => socket.pipe(socket)).listen(socketPath);
    try {
      for (const record of [...sites.ams.hosts, ...sites.san.hosts, gateway]) {
        const host = await connectSsh(record, { privateKey });
        const { stdout } = await host.run(["ip", "netns", "identify"]);
        expect(Object.values(second.lab.namespaces)).toContain(stdout.trim());
        const socket = await host.connect(socketPath);
        socket.end("hello");
        expect(await text(socket)).toBe("hello");
        await host.close();
      }
      const foreign = { privateKey: readFileSync(second.lab.path("ssh", "san", "host_key"), "utf8") };
      await expect(connectSsh(gateway, foreign).then((host) => host.run(["true"]))).rejects.toThrow(
        "refused the ssh key of root",
      );
    } finally {
      echo.close();
    }
  });

  it("keeps every file with a secret to its owner", async () => {
    const found = await run(["find", second.lab.path(), "-perm", "/077", "-type", "f", "-printf", "%P\n"]);
    const readable = found
      .trim()
      .split("\n")
      .filter((name) => !name.startsWith("images/"));
    expect(readable.filter((name) => !/\.(pub|pem|log|sqlite(-wal|-shm)?)$/.test(name))).toEqual([]);
    expect((await run(["stat", "-c", "%a", second.lab.path()])).trim()).toBe("700");
  });

  it("joins the sites' lightpath ports only where the switches join theirs", async () => {
    const at = second.lab.namespaces;
    for (const site of ["ams", "san"] as const) await light(at[site], LIGHTPATH_ADDRESS[site]);
    for (const hop of HOPS)
      await ipBatchIn(
        at[hop.role],
        hop.ports.map((port) => `link set ${port} up`),
      );
    const server = await serveTraffic(at.san, LIGHTPATH_ADDRESS.san);
    try {
      const seen = countFrames(at.san, "lp0");
      expect(await connectMs(at.ams, LIGHTPATH_ADDRESS.san)).toBeUndefined();
      expect(await seen).toBe(0);
      for (const hop of HOPS) await crossConnect(at[hop.role], hop.ports);
      const rtt = await connectMs(at.ams, LIGHTPATH_ADDRESS.san);
      expect(rtt).toBeGreaterThanOrEqual(60);
      expect(rtt).toBeLessThan(120);
      const mbps = await floodMbps(at.ams, LIGHTPATH_ADDRESS.san, 4);
      expect(mbps).toBeGreaterThan(75);
      expect(mbps).toBeLessThan(375);
    } finally {
      await endChild(server);
      for (const hop of HOPS) await attempt(["ip", "-n", at[hop.role], "link", "delete", "join0"]);
    }
  });

  it("is repaired by `up` when pieces were killed, and leaves the others alone", async () => {
    const pidsBefore = new Map(["sshd-san", "agent-ams", "forward", "span1"].map((name) => [name, pidOf(name)]));
    for (const name of ["sshd-ams", "agent-transit", "span0"]) process.kill(pidOf(name), "SIGKILL");
    await run(["ip", "netns", "delete", second.lab.namespaces.client]);
    await expect.poll(async () => (await second.call("status")).stdout).toMatch(/sshd, ams +not running/);
    const { code, stdout } = await second.call("up");
    expect(code).toBe(0);
    const made = stdout.split("\n").filter((line) => line.startsWith("made"));
    expect(made.map((line) => line.replace(/^made {2}([^:]+):.*$/, "$1"))).toEqual([
      ...["namespaces", "routed network", "span, channel 0", "sshd, ams", "agent, transit.example"],
    ]);
    expect((await second.call("status")).code).toBe(0);
    for (const [name, pid] of pidsBefore) expect([name, pidOf(name)]).toEqual([name, pid]);
  });

  it("keeps its name: another lab may neither take it nor take it down", async () => {
    const { name } = second.lab.description;
    const third = await describeSecondLab({ name });
    try {
      for (const verb of ["up", "down"]) {
        const { code, stderr } = await third.call(verb);
        expect([code, stderr]).toEqual([1, expect.stringContaining(`a lab named ${name} is up already`)]);
      }
      expect((await second.call("status")).code).toBe(0);
    } finally {
      await third.dispose();
    }
  });

  it("leaves nothing: no process, namespace or file, whoever ran inside", async () => {
    const guest = spawn("ip", ["netns", "exec", second.lab.namespaces.ams, "sleep", "600"]);
    const ended = once(guest, "exit");
    const pids = ["sshd-ams", "agent-san", "forward", "span0", "span1"].map(pidOf);
    expect((await second.call("down")).code).toBe(0);
    expect((await ended)[1]).toBe("SIGTERM");
    for (const pid of pids) expect(isRunning(pid)).toBe(false);
    const left = await listNamespaces();
    expect(namespaces().filter((name) => left.has(name))).toEqual([]);
    expect(existsSync(second.lab.path())).toBe(false);
    expect(await labInMachine()).toEqual([]);
    expect((await second.call("down")).code).toBe(0);
  });

  function pidOf(name: string): number {
    const record: unknown = JSON.parse(readFileSync(second.lab.path("run", `${name}.json`), "utf8"));
    return z.looseObject({ pid: z.int() }).parse(record).pid;
  }
});

interface Hop {
  readonly role: Role;
  readonly ports: readonly [string, string];
}
const HOPS: readonly Hop[] = [
  { role: "ams-switch", ports: ["uni0", "east0"] },
  { role: "transit-switch", ports: ["west0", "east0"] },
  { role: "san-switch", ports: ["west0", "uni0"] },
];

async function light(namespace: string, address: string): Promise<void> {
  const peer = Object.values(LIGHTPATH_ADDRESS).find((other) => other !== address);
  await ipBatchIn(namespace, [`addr add ${address} peer ${peer} dev lp0`, "link set lp0 up"]);
}

async function crossConnect(namespace: string, ports: readonly string[]): Promise<void> {
  const joined = ports.map((port) => `link set ${port} master join0`);
  await ipBatchIn(namespace, ["link add join0 type bridge forward_delay 0", ...joined, "link set join0 up"]);
}

async function ipBatchIn(namespace: string, lines: readonly string[]): Promise<void> {
  await run(["ip", "-n", namespace, "-batch", "-"], { input: `${lines.join("\n")}\n` });
}

/** Frames that arrive at a device while a connection is tried. */
async function countFrames(namespace: string, device: string): Promise<number> {
  const received = async (): Promise<number> => {
    const text = await run(["ip", "-n", namespace, "-j", "-s", "link", "show", "dev", device]);
    const link = z.looseObject({ stats64: z.looseObject({ rx: z.looseObject({ packets: z.int() }) }) });
    return z.tuple([link]).parse(JSON.parse(text))[0].stats64.rx.packets;
  };
  const before = await received();
  await sleep(2500);
  return (await received()) - before;
}

/** Devices and addresses of the lab that can be seen where they must not be: in the machine's own namespace. */
async function labInMachine(): Promise<string[]> {
  const lan = [CLIENT_LAN.gateway, CLIENT_LAN.client];
  const attached = ATTACHMENTS.flatMap(({ address, router }) => [address, router]);
  const addresses = new Set([...Object.values(LIGHTPATH_ADDRESS), ...attached, ...lan]);
  const seen = z
    .array(z.looseObject({ ifname: z.string(), addr_info: z.array(z.looseObject({ local: z.string() })) }))
    .parse(JSON.parse(await run(["ip", "-j", "addr", "show"])));
  return seen
    .flatMap(({ ifname, addr_info }) => [ifname, ...addr_info.map(({ local }) => local)])
    .filter((word) => addresses.has(word) || /^(net|lan|lp|uni|east|west)\d$/.test(word));
}

function isRunning(pid: number): boolean {
  try {
    return !/\) Z/.test(readFileSync(`/proc/${pid}/stat`, "utf8"));
  } catch {
    return false;
  }
}
