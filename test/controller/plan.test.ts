import { generateKeyPairSync } from "node:crypto";
import { once } from "node:events";
import { type AddressInfo, createServer, type Server, type Socket } from "node:net";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import type { Composition } from "../../provider/composition.ts";
import { type PlacementInputs, placementInputs, placementState } from "../../provider/controller/placement.ts";
import { planMove } from "../../provider/controller/plan.ts";
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
afterAll(async () => domains?.end());
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
}

/** A plan for a move from ams to san as alice, line by line. */
async function plan({ lightpath, sshPort = 1, home, ...how }: Wish): Promise<{ lines: string[]; tookMs: number }> {
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
  const [here, there] = [at("ams"), at("san")];
  const recorded = { host: "ams1", state: "running", epoch: 1, locations: { ams: here.location } };
  const startedMs = performance.now();
  const lines = await planMove(composition, placementState.parse({ ...here, ...recorded }), there);
  return { lines, tookMs: performance.now() - startedMs };
}

const line = (lines: readonly string[], name: string) => lines.find((one) => one.startsWith(`${name}: `));

test("a fixed path asks no domain", async () => {
  const { lines } = await plan({ lightpath: { kind: "fixed", bandwidthMbps: 500, rttMs: 20 } });
  expect(line(lines, "path")).toBe("path: the fixed one, 500 Mbps, round trip 20 ms");
  expect(line(lines, "must agree")).toBe("must agree: nobody");
  expect(line(lines, "downtime")).toBe("downtime: about 40 ms expected, budget 1000 ms");
  expect(line(lines, "afterwards")).toBe(
    "afterwards: the fixed path stays; the disks at ams stay as a replica for a return",
  );
});

test("a VM that is to be suspended stands still for as long as the path takes to carry its memory", async () => {
  const { lines } = await plan({ lightpath: { kind: "fixed", bandwidthMbps: 100, rttMs: 20 }, mode: "suspended" });
  expect(lines[0]).toBe("radar: ams → san, suspended while its memory is copied");
  expect(line(lines, "downtime")).toBe(
    "downtime: up to about 18 s: it stands still for the whole copy of its memory, and no budget is kept",
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
