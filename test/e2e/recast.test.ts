import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { moveTo } from "../../examples/lab/demo/turn.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { CALLER_ID } from "../../examples/lab/keys.ts";
import { DOMAINS } from "../../examples/lab/layout.ts";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { moveRecord } from "../../provider/controller/placement.ts";
import { owed, rows } from "./aftermath.ts";
import { inside, joinedPorts, SETTLING, settledTraces, traces, type World, world } from "./world.ts";

const PROJECT = fileURLToPath(new URL("programs/recast", import.meta.url));
const STACK = "e2e-recast";
const OVER_ALL = ["ams.example", "transit.example", "san.example"];
const reached = z.looseObject({
  ...{ state: z.string(), carriesMbps: z.number(), connectionId: z.string() },
  times: z.array(z.looseObject({ state: z.string(), window: z.object({ start: z.string(), end: z.string() }) })),
  lastMove: moveRecord.optional(),
});

let here: World;
let before: Record<string, string>;
let pulumi: PulumiCli;
const start = new Date().toISOString();

beforeAll(async () => {
  here = await world();
  before = await settledTraces(here);
  pulumi = new PulumiCli(PROJECT, { ...shellEnvironment(here.lab), PULUMI_STACK: STACK }, false);
  const { sshKeyFile, callerKeyFile } = here.inventory.credentials;
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
  await pulumi.run("stack", "init", STACK);
  const settings = {
    ...{ "turntable:sshKeyFile": sshKeyFile, "turntable:callerId": CALLER_ID },
    ...{ "turntable:callerKeyFile": callerKeyFile, site: "ams", path: "declared", start },
  };
  for (const [key, value] of Object.entries(settings)) await pulumi.run("config", "set", key, value);
});
afterAll(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
});

const outputs = async () => reached.parse(await pulumi.outputs());
const refresh = async (...flags: string[]) => await pulumi.run("refresh", "--yes", "--skip-preview", ...flags);

/** What each domain has on record of a path that it counts as provisioned. */
const onRecord = () =>
  DOMAINS.map((domain) => rows(here, domain, "SELECT id, mbps FROM segments WHERE state = 'provisioned'"));

/** Rates of what the switches join, and of the hosts' ends of it. */
async function shapers(): Promise<string[]> {
  const { ams, san, amsSwitch, transitSwitch, sanSwitch } = here.inventory.namespaces;
  const shown = [amsSwitch, transitSwitch, sanSwitch, ams, san].map(async (namespace) => {
    const lines = (await inside(namespace, "tc", "qdisc", "show")).split("\n");
    const links = await inside(namespace, "ip", "-o", "link", "show");
    const joined = [...links.matchAll(/^\d+: ([^@:]+).* master ttd-/gm)].map(([, device]) => device);
    const { devices = [] } = here.inventory.sites.ams.hosts[0]?.lightpath ?? {};
    const rates = lines.flatMap((line) => {
      const [, device = "", rate = ""] = /qdisc tbf .* dev (\S+) .* rate (\w+)/.exec(line) ?? [];
      return [...joined, ...devices].includes(device) ? [rate] : [];
    });
    return [...new Set(rates)].join(" ");
  });
  return await Promise.all(shown);
}
const LESSER = ["100Mbit", "100Mbit", "100Mbit", "98Mbit", "98Mbit"];

async function answers(): Promise<boolean> {
  const [mine, other] = [here.inventory.sites.ams, here.inventory.sites.san].map(({ hosts }) => hosts[0]?.lightpath);
  const ping = ["ping", "-n", "-c", "3", "-W", "2", "-I", mine?.address ?? "", other?.address ?? ""];
  return await inside(here.inventory.namespaces.ams, ...ping).then(
    () => true,
    () => false,
  );
}

test("a series is reserved every time, and a refresh finds no difference", async () => {
  await pulumi.run("up", "--yes", "--skip-preview");
  const { times, state, carriesMbps } = await outputs();
  expect({ state, carriesMbps }).toEqual({ state: "reserved", carriesMbps: 900 });
  expect(times.map(({ state }) => state)).toEqual(["reserved", "reserved", "reserved"]);
  expect(times.map(({ window }) => Date.parse(window.start) - Date.parse(start))).toEqual(
    [1, 2, 3].map((days) => days * 86_400_000),
  );
  expect(await joinedPorts(here)).toEqual([]);
  await refresh("--expect-no-changes");
});

test("a path goes on with less after a move, at every domain, and is raised for the next one", async () => {
  const { connectionId: id } = await outputs();
  await pulumi.run("config", "set", "site", "san");
  expect(await pulumi.run("preview")).toMatch(/afterwards: the path goes on with 100 Mbps; the disks at ams/);
  for (const site of ["san", "ams"]) {
    const { path } = await moveTo(pulumi, site);
    expect(path).toMatchObject({ connectionId: id, bandwidthMbps: 900, hops: OVER_ALL });
    expect(onRecord()).toEqual(DOMAINS.map(() => [{ id, mbps: 100 }]));
    expect(await shapers()).toEqual(LESSER);
    expect(await answers()).toBe(true);
  }
  await refresh();
  await refresh("--expect-no-changes");
  // A refresh runs no program, so that the stack's own outputs follow with the next update.
  expect(await pulumi.run("up", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
  expect(await outputs()).toMatchObject({ state: "provisioned", carriesMbps: 100 });
});

test("a path on demand is raised where memory does not converge, and the VM arrives over it", async () => {
  await pulumi.run("config", "set", "path", "raised");
  const address = here.inventory.vm.network.address.split("/")[0] ?? "";
  const guest = await GuestControl.connect(here.inventory.namespaces.client, address, 60);
  try {
    await guest.load({ memoryMBps: 30, workingSetMiB: 64, diskMBps: 0 });
    await pulumi.run("config", "set", "site", "san");
    const output = await pulumi.run("up", "--yes", "--skip-preview");
    expect(output).toMatch(/the path carries 850 Mbps from now on/);
    expect(output).not.toMatch(/the guest is slowed down/);
    await guest.verify();
  } finally {
    await guest.close();
  }
  const { lastMove, connectionId } = await outputs();
  expect(lastMove).toMatchObject({ from: "ams", to: "san", path: { bandwidthMbps: 850, hops: OVER_ALL } });
  expect(lastMove?.path.connectionId).not.toBe(connectionId);
  // The declared one is the VM's no more: it is reserved, and dark.
  expect(await joinedPorts(here)).toEqual([]);
  expect(onRecord()).toEqual(DOMAINS.map(() => []));
});

test("destroy leaves nothing of a path that goes on with less", async () => {
  await pulumi.run("config", "set", "path", "declared");
  await moveTo(pulumi, "ams");
  expect(onRecord().flat()).toHaveLength(DOMAINS.length);
  await pulumi.run("destroy", "--yes", "--skip-preview");
  expect(await owed(here)).toEqual([]);
  await expect.poll(() => traces(here), SETTLING).toEqual(before);
});
