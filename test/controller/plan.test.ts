import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Composition } from "../../provider/composition.ts";
import { type PlacementInputs, placementInputs, placementState } from "../../provider/controller/placement.ts";
import { planMove } from "../../provider/controller/plan.ts";
import { openLocal } from "../../provider/host/local.ts";
import type { DirtyRates } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type Domains, startDomains, wishFor } from "../domain/agents.ts";
import { AMS, SAN } from "../domain/testbed.ts";
import { composed, placementAt, siteNamed } from "../resources/declarations.ts";

const { privateKey } = generateKeyPairSync("rsa", { modulusLength: 2048 });
const SSH_KEY = privateKey.export({ type: "pkcs1", format: "pem" }).toString();
let domains: Domains;
const open: { composition?: Composition; mutes: { server: Server; sockets: Socket[] }[] } = { mutes: [] };

beforeAll(async () => {
  domains = await startDomains();
});
afterAll(async () => {
  await here.close();
  await domains?.end();
});
afterEach(async () => await hush());

async function hush(): Promise<void> {
  await open.composition?.rest();
  for (const { server, sockets } of open.mutes.splice(0)) {
    for (const socket of sockets) socket.destroy();
    server.close();
    await once(server, "close");
  }
}

/** Takes every connection and never says a word. */
async function mute(port = 0): Promise<number> {
  const sockets: Socket[] = [];
  const server = createServer((socket) => void sockets.push(socket.on("error", () => undefined)));
  server.listen(port, "127.0.0.1");
  await once(server, "listening");
  open.mutes.push({ server, sockets });
  const address = server.address();
  return portOf(address);
}

function portOf(address: string | AddressInfo | null): number {
  if (typeof address === "object" && address !== null) return address.port;
  throw new Error("it listens at no port");
}

interface Wish {
  readonly lightpath: object;
  readonly mode?: "suspended";
  /** Where both sites' sshd is. */
  readonly sshPort?: number;
  readonly home?: unknown;
  /** What the VM's hypervisor tells; its host is this machine then. */
  readonly dirtyRates?: () => Promise<DirtyRates | undefined>;
}

const here = openLocal("ams1");

/** A plan for a move from ams to san as alice, line by line. */
async function plan({
  lightpath,
  sshPort = 1,
  home,
  dirtyRates,
  ...how
}: Wish): Promise<{ lines: string[]; tookMs: number }> {
  const { id, key } = domains.bed.clients.alice;
  const composition = composed({ callerId: id, callerKey: key, sshPrivateKey: SSH_KEY });
  open.composition = composition;
  const at = (site: "ams" | "san"): PlacementInputs => {
    const location = siteNamed(site);
    const hosts = (Array.isArray(location.hosts) ? location.hosts : []).map((host) => ({ ...host, port: sshPort }));
    const domain = home ?? domains.bed.records[`${site}.example`];
    const place = { ...location, hosts, domain, stp: site === "ams" ? AMS : SAN };
    return placementInputs.parse(placementAt(site, { location: place, lightpath, ...how }));
  };
  const context = dirtyRates && {
    ...composition,
    ...{ hosts: { open: async () => here }, hypervisor: () => ({ ...qemu, dirtyRates }) },
  };
  const [from, there] = [at("ams"), at("san")];
  const recorded = { host: "ams1", state: "running", epoch: 1, locations: { ams: from.location } };
  const startedMs = performance.now();
  const lines = await planMove(context ?? composition, placementState.parse({ ...from, ...recorded }), there);
  return { lines, tookMs: performance.now() - startedMs };
}

const line = (lines: readonly string[], name: string) => lines.find((one) => one.startsWith(`${name}: `));

test("a fixed path asks no domain", async () => {
  const { lines } = await plan({ lightpath: { kind: "fixed", bandwidthMbps: 500, rttMs: 20 } });
  expect(line(lines, "path")).toBe("path: the fixed one, 500 Mbps, round trip 20 ms");
  expect(line(lines, "must agree")).toBe("must agree: nobody");
  expect(line(lines, "downtime")).toMatch(
    /^downtime: about 40 ms at least, budget 1000 ms; its dirty rate is unknown \(.*ECONNREFUSED.*\)$/,
  );
  expect(line(lines, "afterwards")).toBe(
    "afterwards: the fixed path stays; the disks at ams stay as a replica for a return",
  );
});

test("a VM that is to be suspended stands still for as long as the path takes to carry its memory", async () => {
  const { lines } = await plan({ lightpath: { kind: "fixed", bandwidthMbps: 100, rttMs: 20 }, mode: "suspended" });
  expect(lines[0]).toBe("radar: ams → san, suspended while its memory is copied");
  expect(line(lines, "downtime")).toBe(
    "downtime: up to about 17 s: it stands still for the whole copy of its memory, and no budget is kept",
  );
});

test("a reserved path is told with its hops, and that it stays; one that is not known is told so", async () => {
  const wish = wishFor({ vm: "radar" });
  const drac = domains.drac("ams.example");
  const { connectionId } = await drac.reserve(wish, await domains.tokenFor(wish));
  const home = domains.bed.records["ams.example"];
  const reserved = { kind: "reserved", connectionId, home, bandwidthMbps: 600 };
  const { lines } = await plan({ lightpath: reserved });
  expect(line(lines, "path")).toBe(
    "path: 600 Mbps reserved, ams.example → transit.example → san.example, round trip 200 ms",
  );
  expect(line(lines, "must agree")).toBe("must agree: ams.example, transit.example, san.example");
  expect(line(lines, "afterwards")).toBe(
    "afterwards: the path stays reserved, dark; the disks at ams stay as a replica for a return",
  );
  await drac.terminate(connectionId);
  const unknown = await plan({ lightpath: { ...reserved, connectionId: "elsewhere" } });
  expect(line(unknown.lines, "path")).toBe("path: 600 Mbps reserved, the reserved path elsewhere is not known");
});

const FIXED = { kind: "fixed", bandwidthMbps: 900, rttMs: 198 };
/** As seen over 100 ms and over 1 s, in 10^6 bytes a second. */
const dirtied = (briefMBps: number, longMBps: number) => async (): Promise<DirtyRates> => ({
  brief: { overMs: 100, bytesPerSecond: briefMBps * 1e6 },
  long: { overMs: 1_000, bytesPerSecond: longMBps * 1e6 },
});
const downtimeOf = async (wish: Wish) => line((await plan(wish)).lines, "downtime");

test("how fast the guest dirties its memory is told beside what the path carries, and counted in", async () => {
  expect(await downtimeOf({ lightpath: FIXED, dirtyRates: dirtied(30, 30) })).toBe(
    "downtime: about 146 ms expected, budget 1000 ms; its memory is dirtied at 30 MB/s, of 113 MB/s that the path carries",
  );
  expect(await downtimeOf({ lightpath: FIXED, dirtyRates: dirtied(200, 60) })).toBe(
    "downtime: about 358 ms expected, budget 1000 ms; its memory is dirtied at 60 MB/s, of 113 MB/s that the path carries: the last pass will take of the budget what it needs",
  );
});

test("where the budget is not kept by waiting, what will be done is told in its order", async () => {
  const tooMuch = dirtied(400, 400);
  const dirty = "its memory is dirtied at 400 MB/s, of 113 MB/s that the path carries";
  const start = `downtime: budget 1000 ms, NOT KEPT by waiting alone; ${dirty}: `;
  const end = "the guest will be slowed down, and the move given up if that does not do";
  expect(await downtimeOf({ lightpath: FIXED, dirtyRates: tooMuch })).toBe(`${start}${end}`);
  const raised = { kind: "on-demand", bandwidthMbps: 900, maxBandwidthMbps: 1_000 };
  expect(await downtimeOf({ lightpath: raised, dirtyRates: tooMuch })).toBe(
    `${start}the path will be raised to 1000 Mbps, then ${end}`,
  );
  const enough = { ...raised, maxBandwidthMbps: 10_000 };
  expect(await downtimeOf({ lightpath: enough, dirtyRates: tooMuch })).toMatch(
    /: the path will be raised to 10000 Mbps, where about \d+ ms are expected$/,
  );
});

test("a hypervisor that does not tell, or never answers, is no reason not to show the rest", async () => {
  const silent = async () => undefined;
  expect(await downtimeOf({ lightpath: FIXED, dirtyRates: silent })).toBe(
    "downtime: about 129 ms at least, budget 1000 ms; its dirty rate is unknown (its hypervisor at ams does not tell)",
  );
  const { lines, tookMs } = await plan({ lightpath: FIXED, dirtyRates: () => new Promise(() => undefined) });
  expect(tookMs).toBeLessThan(SOON_MS);
  expect(line(lines, "downtime")).toMatch(/its dirty rate is unknown \(ams gave no answer in 3\.1 s\)$/);
});

const ON_DEMAND = { kind: "on-demand", bandwidthMbps: 600 };
/** Long before ssh and https would give up by themselves. */
const SOON_MS = 6_000;

test("sites and a domain that take the connection and never answer are each named in time", async () => {
  const silent = { ...domains.bed.records["ams.example"], url: `https://127.0.0.1:${await mute()}` };
  const { lines, tookMs } = await plan({ lightpath: ON_DEMAND, sshPort: await mute(), home: silent });
  expect(tookMs).toBeLessThan(SOON_MS);
  expect(line(lines, "path")).toBe("path: 600 Mbps on demand, ams.example gave no answer in 2.5 s");
  expect(line(lines, "host")).toBe("host: san gave no answer in 2.5 s");
  expect(line(lines, "to move")).toMatch(/disk unknown \(ams or san gave no answer in 2\.5 s\)/);
  expect(line(lines, "downtime")).toBe(
    "downtime: budget 1000 ms; its dirty rate is unknown (ams gave no answer in 3.1 s)",
  );
  expect(line(lines, "re-pointed")).toBe("re-pointed: ams gave no answer in 2.5 s");
});

test("what a path may be raised to is told beside what is asked for", async () => {
  const { lines } = await plan({ lightpath: { ...ON_DEMAND, maxBandwidthMbps: 900 } });
  expect(line(lines, "path")).toMatch(
    /^path: 600 Mbps on demand, may be raised to 900 Mbps, ams\.example → .* 1000 Mbps free now$/,
  );
});

test("a domain further on that never answers is named, not the one that was asked", async () => {
  await domains.stop("transit.example");
  try {
    await mute(Number(new URL(domains.bed.records["transit.example"].url).port));
    const { lines, tookMs } = await plan({ lightpath: ON_DEMAND });
    expect(tookMs).toBeLessThan(SOON_MS);
    expect(line(lines, "path")).toMatch(/transit\.example .*gave no answer in 1\.5 s/);
  } finally {
    await hush();
    await domains.start("transit.example");
  }
});
