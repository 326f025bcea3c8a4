import { readFile, rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { CALLER_ID } from "../../examples/lab/keys.ts";
import { DOMAINS, type DomainKey, type SiteName } from "../../examples/lab/layout.ts";
import { moveRecord } from "../../provider/controller/placement.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { commandOf, processesIn } from "../breakage/processes.ts";
import { until } from "../breakage/until.ts";
import { owed, rows } from "./aftermath.ts";
import { killHypervisor } from "./breakage.ts";
import { RunningUp } from "./crash.ts";
import { recordedVms } from "./recorded.ts";
import { inside, SETTLING, settledTraces, traces, type World, world } from "./world.ts";

const PROJECT = fileURLToPath(new URL("programs/many", import.meta.url));
const STACK = "e2e-many";
const COUNT = Number(process.env.TURNTABLE_MANY ?? 4);
const NAMES = Array.from({ length: COUNT }, (_, index) => `many-${index + 1}`);
const LAST = `many-${COUNT}`;
const outputs = z.looseObject({ places: z.array(z.string()) });

let here: World;
let before: Record<string, string>;
let environment: Readonly<Record<string, string>>;
let pulumi: PulumiCli;

beforeAll(async () => {
  here = await world();
  before = await settledTraces(here);
  environment = { ...shellEnvironment(here.lab), PULUMI_STACK: STACK };
  pulumi = new PulumiCli(PROJECT, environment, false);
  const { sshKeyFile, callerKeyFile } = here.inventory.credentials;
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
  await pulumi.run("stack", "init", STACK);
  const settings = {
    ...{ "turntable:sshKeyFile": sshKeyFile, "turntable:callerId": CALLER_ID },
    ...{ "turntable:callerKeyFile": callerKeyFile, site: "ams", count: String(COUNT) },
  };
  for (const [key, value] of Object.entries(settings)) await pulumi.run("config", "set", key, value);
});
afterAll(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
});

const SIDE_BY_SIDE = ["--continue-on-error", "--parallel", "10"];
const upAll = () => pulumi.attempt("up", "--yes", "--skip-preview", ...SIDE_BY_SIDE);

test("VMs that move in one update share one lightpath, switch over one by one, and do not fail with one of them", async () => {
  await pulumi.run("up", "--yes", "--skip-preview");
  const known = connections();
  await pulumi.run("config", "set", "site", "san");
  const moving = upAll();
  await killWhenReady();
  const { code, output } = await moving;
  expect(code).not.toBe(0);
  expect(output).toMatch(new RegExp(`${LAST} ams → san failed in stage migrate`));
  expect(output).toMatch(/disks copied; waits its turn after many-\d/);
  for (let number = 1; number < COUNT; number++) {
    expect(output).toMatch(new RegExp(`many-${number} moved ams → san`));
  }
  const queued = await turnsTaken();
  expect(queued.map(({ name }) => name).sort()).toEqual(NAMES.filter((name) => name !== LAST).sort());
  expect(overlapping(queued)).toEqual([]);
  const used = connections().filter(({ id }) => !known.some((one) => one.id === id));
  expect(used).toMatchObject([{ state: "terminated" }]);
  const id = used[0]?.id ?? "";
  for (const domain of ["transit", "san"] as const) {
    expect(await askedOf(domain, `POST /drac/segments/${id}/provision`), domain).toBe(1);
    expect(await askedOf(domain, `DELETE /drac/segments/${id}`), domain).toBe(1);
  }
  for (const domain of DOMAINS) {
    const others = rows(here, domain, "SELECT DISTINCT vm FROM rides WHERE id = ? AND ended = 1", id);
    expect(others.length, domain).toBeGreaterThanOrEqual(COUNT - 2);
  }
  expect(await owed(here)).toEqual([]);
  const again = await upAll();
  expect(again.code, again.output).toBe(0);
  expect(outputs.parse(await pulumi.outputs()).places).toEqual(Array(COUNT).fill("san"));
  expect(await running()).toEqual({ ams: [], san: NAMES });
});

test("killed with one of them arrived and the others on the shared path: the next up finishes them all", async () => {
  await pulumi.run("config", "set", "site", "ams");
  const doomed = new RunningUp({ environment }, PROJECT, ...SIDE_BY_SIDE);
  await whenOneHasArrived();
  await doomed.killAll();
  await pulumi.attempt("cancel", "--yes");
  const { code, output } = await upAll();
  expect(code, output).toBe(0);
  expect(outputs.parse(await pulumi.outputs()).places).toEqual(Array(COUNT).fill("ams"));
  expect(await running()).toEqual({ ams: NAMES, san: [] });
  expect(await owed(here)).toEqual([]);
  await pulumi.run("refresh", "--yes", "--skip-preview", "--expect-no-changes");
  await pulumi.run("destroy", "--yes", "--skip-preview");
  expect(await owed(here)).toEqual([]);
  await expect.poll(() => traces(here), SETTLING).toEqual(before);
});

const moved = z.object({
  name: z.string(),
  lastMove: moveRecord.extend({
    stopAtMs: z.number(),
    timelineMs: z.looseObject({ "source MIGRATION active": z.number(), "destination RESUME": z.number() }),
  }),
});

/** A VM's switchover, with the copy of memory before it: in ms, on the clock that both hosts of the lab share. */
interface Turn {
  readonly name: string;
  /** Its memory began to cross, which was before it stopped. */
  readonly fromMs: number;
  /** It ran at its destination. */
  readonly toMs: number;
}

/** Of each VM that is at san according to the state. */
async function turnsTaken(): Promise<readonly Turn[]> {
  const there = (await recordedVms(pulumi)).filter(({ site }) => site === "san").map((vm) => moved.parse(vm));
  return there.map(({ name, lastMove: { stopAtMs, timelineMs } }) => {
    const [began, ran] = [timelineMs["source MIGRATION active"], timelineMs["destination RESUME"]];
    // It stopped in between, at 0.
    expect(began, name).toBeLessThan(0);
    expect(ran, name).toBeGreaterThan(0);
    return { name, fromMs: stopAtMs + began, toMs: stopAtMs + ran };
  });
}

function overlapping(turns: readonly Turn[]): string[] {
  return turns.flatMap((one, index) =>
    turns
      .slice(index + 1)
      .filter((other) => one.fromMs < other.toMs && other.fromMs < one.toMs)
      .map((other) => `${one.name} and ${other.name}`),
  );
}

/** By site, the VMs that run there, on their networks, and were not started anew since they were moved there. */
async function running(): Promise<Record<SiteName, string[]>> {
  const at = async (site: SiteName) => {
    const pids = await processesIn(here.inventory.namespaces[site]);
    const links = await inside(here.inventory.namespaces[site], "ip", "-o", "link", "show");
    const found = NAMES.filter((name) => {
      const { bridge, tap } = segmentOf(name);
      const hypervisors = pids.filter((pid) => commandOf(pid).startsWith(`qemu-system-x86_64 -name ${name} `));
      return hypervisors.length === 1 && new RegExp(` ${tap}: .* master ${bridge} `).test(links);
    });
    const logs = found.map((name) => readFile(`${here.lab.storage(site)}/${name}/serial.log`, "utf8").catch(() => ""));
    const booted = (await Promise.all(logs)).filter((log) => log.includes("GUEST READY"));
    return booted.length === 0 ? found : [...found, `${booted.length} were started anew`];
  };
  return { ams: await at("ams"), san: await at("san") };
}

/** One VM is committed to ams; it was not waited for until it was told. */
async function whenOneHasArrived(): Promise<void> {
  const records = () =>
    NAMES.map((name) => readFile(`${here.lab.storage("ams")}/${name}/vm.json`, "utf8").catch(() => ""));
  const arrived = async () => (await Promise.all(records())).some((text) => /"role":\s*"active"/.test(text));
  await until("one VM is at ams", arrived, 180_000, 20);
}

/** SIGKILL to the last VM's QEMU at its destination as soon as its disks are being copied there. */
async function killWhenReady(): Promise<void> {
  const nearEnd = `${here.lab.storage("ams")}/${LAST}/near-data.pid`;
  const copying = () => readFile(nearEnd, "utf8").catch(() => "");
  await expect.poll(copying, { timeout: 120_000, interval: 50 }).not.toBe("");
  await killHypervisor(here, "san", LAST);
}

const answered = z.object({ msg: z.literal("answered"), method: z.string(), url: z.string(), statusCode: z.int() });

/** How often a domain was asked for exactly this and did it, by its agent's log. */
async function askedOf(domain: DomainKey, what: string): Promise<number> {
  const lines = (await readFile(here.lab.path("log", `agent-${domain}.log`), "utf8")).split("\n");
  const entries = lines.filter((line) => line.startsWith("{")).map((line) => answered.safeParse(JSON.parse(line)).data);
  return entries.filter((one) => one && one.statusCode < 300 && `${one.method} ${one.url}` === what).length;
}

/** Those that were ever asked of ams's domain. */
function connections(): { id: string; state: string }[] {
  const found = rows(here, "ams", "SELECT id, state FROM connections WHERE state != 'timed-out'");
  return found.map(({ id, state }) => ({ id: String(id), state: String(state) }));
}
