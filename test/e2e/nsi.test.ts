import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { moveTo } from "../../examples/lab/demo/turn.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { writeAtomically } from "../../examples/lab/files.ts";
import type { Inventory } from "../../examples/lab/inventory.ts";
import { CALLER_ID, keyFiles } from "../../examples/lab/keys.ts";
import {
  AGENT_PORT,
  type DomainKey,
  domainName,
  routedAddress,
  type ServerName,
  type SiteName,
  stpOf,
  switchOf,
} from "../../examples/lab/layout.ts";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import type { Probe } from "../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../examples/lab/probe/stream.ts";
import { certificateFingerprint } from "../../provider/aaa/domain-record.ts";
import { makeBadges } from "../lightpath/nsi/far-side.ts";
import { owed, remains, rows } from "./aftermath.ts";
import { changeAgent } from "./breakage.ts";
import { inside, SETTLING, settledTraces, type World, world } from "./world.ts";

const PROJECT = fileURLToPath(new URL("programs/nsi", import.meta.url));
const STACK = "e2e-nsi";
const OFFICE = "office.example";
const PROVIDER = `urn:ogf:network:${domainName("ams")}:2026:nsa`;
const REQUESTER = `urn:ogf:network:${OFFICE}:2026:nsa`;
const PROVIDER_PORT = 9_443;
const CALLBACK_PORT = 9_444;
const CALLBACK = `https://${routedAddress("office")}:${CALLBACK_PORT}/callback`;
/** Of channel 0 at either site. */
const VLANS = { [stpOf("ams")]: 1_780, [stpOf("san")]: 200 };

let here: World;
let pulumi: PulumiCli;
let badges: Awaited<ReturnType<typeof makeBadges<typeof OFFICE>>>;
let guest: GuestControl;
let stream: Probe<StreamReport>;
let bareSan: string;

beforeAll(async () => {
  here = await world();
  await settledTraces(here);
  bareSan = await remains(here, "san");
  badges = await makeBadges([OFFICE]);
  const { file, keyFile } = badges.of(OFFICE);
  await changeAgent(here, "ams", (config) => ({
    ...config,
    nsi: {
      ...{ listen: { address: routedAddress("ams-switch"), port: PROVIDER_PORT }, nsa: PROVIDER, vlans: VLANS },
      requesters: [{ nsa: REQUESTER, certificateFile: file, client: CALLER_ID, callbacks: [CALLBACK] }],
    },
  }));
  const office = here.lab.namespaces.office;
  const environment = { ...shellEnvironment(here.lab), PULUMI_STACK: STACK, TURNTABLE_LAB: await asSeenFromOffice() };
  pulumi = new PulumiCli(PROJECT, environment, false, office);
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
  await pulumi.run("stack", "init", STACK);
  const settings = {
    ...{ "turntable:sshKeyFile": here.inventory.credentials.sshKeyFile, site: "ams" },
    ...{ "turntable:nsiCertificateFile": file, "turntable:nsiKeyFile": keyFile },
    provider: JSON.stringify(await providerRecord()),
  };
  const pairs = Object.entries(settings).flatMap(([name, value]) => ["--plaintext", `${name}=${value}`]);
  await pulumi.run("config", "set-all", ...pairs);
  await pulumi.run("up", "--yes", "--skip-preview");
  const address = here.inventory.vm.network.address.split("/")[0] ?? "";
  guest = await GuestControl.connect(here.inventory.namespaces.client, address, 60);
  await guest.write(7, 1);
  stream = await startStream(here.inventory.namespaces.client, address);
});
afterAll(async () => {
  await stream?.stop();
  await guest?.close();
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
  await badges?.remove();
});

/** The provider calls back to where the CLI runs: that is in the lab's office, which reaches everybody without forwarding. */
async function asSeenFromOffice(): Promise<string> {
  const { sites, gateway } = here.inventory;
  const agentOf = (domain: DomainKey) => ({ url: `https://${routedAddress(switchOf(domain))}:${AGENT_PORT}` });
  const serverOf = (server: ServerName) => ({ address: routedAddress(server), port: 22 });
  const at = (site: SiteName) => ({
    ...sites[site],
    domain: { ...sites[site].domain, ...agentOf(site) },
    hosts: sites[site].hosts.map((host) => ({ ...host, ...serverOf(site) })),
  });
  const seen: Inventory = {
    ...here.inventory,
    sites: { ams: at("ams"), san: at("san") },
    transit: { ...here.inventory.transit, ...agentOf("transit") },
    gateway: { ...gateway, ...serverOf("gateway") },
  };
  const file = here.lab.path("office.json");
  await writeAtomically(file, JSON.stringify(seen));
  return file;
}

async function providerRecord() {
  const certificate = await readFile(keyFiles(here.lab).certificate("ams"), "utf8");
  const labelled = Object.entries(VLANS).map(([stp, first]) => [stp, `${stp}?vlan=${first}-${first + 1}`]);
  return {
    ...{ provider: PROVIDER, requester: REQUESTER, fingerprint: certificateFingerprint(certificate) },
    url: `https://${routedAddress("ams-switch")}:${PROVIDER_PORT}/nsi/connection/v2`,
    callback: { url: CALLBACK, address: routedAddress("office"), port: CALLBACK_PORT },
    ...{ stps: Object.fromEntries(labelled), rttMs: here.inventory.span.rttMs },
  };
}

/** What the provider has of connections that are not over, by its own account. */
function openConnections(): readonly unknown[] {
  return rows(
    here,
    "ams",
    "SELECT id, lifecycle, active FROM nsi_connections WHERE lifecycle <> 'Terminated' OR active = 1",
  );
}

async function expectNothingLeft(): Promise<void> {
  expect(await owed(here)).toEqual([]);
  expect(openConnections()).toEqual([]);
  const listeners = () => inside(here.lab.namespaces.office, "ss", "-Htlnp");
  await expect.poll(listeners, SETTLING).toBe("");
  expect(await stream.report()).toMatchObject({ survived: true, holeCount: 0 });
  await guest.check(7, 1);
}

test("a reservation that a domain behind the provider refuses fails the move, and nothing is left of it", async () => {
  await pulumi.run("config", "set", "site", "san");
  const { code, output } = await pulumi.attempt("up", "--yes", "--skip-preview");
  await pulumi.run("config", "set", "site", "ams");
  expect(code).not.toBe(0);
  expect(output).toMatch(
    /turntable-vm ams → san failed in stage light: urn:ogf:network:ams\.example:2026:nsa refused to reserve 900 Mbps/,
  );
  expect(output).toMatch(/the token does not name the host at .*san\.example:2026:host/);
  expect(output).toMatch(/Everything was taken back; the VM runs where it was/);
  await expect.poll(() => remains(here, "san"), SETTLING).toBe(bareSan);
  await expectNothingLeft();
});

test("a VM moves over a path that is reserved, lit, put out and ended by NSI", async () => {
  await changeAgent(here, "san", (config) => {
    return { ...config, sites: { [stpOf("san")]: { hostKeys: [], unnamed: true } } };
  });
  const move = await moveTo(pulumi, "san");
  expect(move).toMatchObject({ from: "ams", to: "san", path: { hops: [domainName("ams")], bandwidthMbps: 900 } });
  const [made] = rows(here, "ams", "SELECT * FROM nsi_connections WHERE id = ?", move.path.connectionId ?? "");
  expect(made).toMatchObject({ requester: REQUESTER, lifecycle: "Terminated", committed: 1, active: 0 });
  const told = rows(here, "san", "SELECT state FROM segments WHERE id = ?", String(made?.connection));
  expect(told).toEqual([{ state: "terminated" }]);
  await expectNothingLeft();
});
