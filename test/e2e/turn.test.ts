import { readFile, rm } from "node:fs/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type CliResult, PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { moveTo, turnAround } from "../../examples/lab/demo/turn.ts";
import { Watch } from "../../examples/lab/demo/watch.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { DOMAINS, REPOSITORY } from "../../examples/lab/layout.ts";
import { ASSERTION_TYPE, signAssertion } from "../../provider/aaa/assertion.ts";
import { callerOf } from "../../provider/aaa/caller.ts";
import { ALGORITHM } from "../../provider/aaa/keys.ts";
import { CONSENT_TYPE, GRANT_TYPE, TOKEN_TYPE } from "../../provider/aaa/token.ts";
import { STAGES } from "../../provider/controller/course.ts";
import { Snoop } from "./snoop.ts";
import {
  framesPass,
  joinedPorts,
  liveConnections,
  SETTLING,
  settledTraces,
  traces,
  type World,
  world,
} from "./world.ts";

/** A JWT in compact form. */
const TOKEN = /eyJ[\w-]{10,}\./;

/** What a preview tells of a move. */
const PLAN = [
  /turntable-vm: ams → san, while it runs/,
  /path: 900 Mbps on demand, ams\.example → transit\.example → san\.example, round trip 198 ms; 1000 Mbps free now/,
  /must agree: ams\.example, transit\.example, san\.example/,
  /host: san-1, \d+ MiB of memory and \d+ MiB of storage free, qemu \d+/,
  /to move: at most 210 MB of memory, \d+ MB of disk \(written since it left san\); about \d+ s/,
  /downtime: about 1[3-5]\d ms expected, budget 1000 ms; its memory is dirtied at \d+ MB\/s, of 113 MB\/s that the path carries/,
  /re-pointed: clients at gateway/,
  /afterwards: the path is given back; the disks at ams stay as a replica for a return/,
];

/** What `pulumi up` says while it moves the VM, in this order. */
const SAID = [
  /turntable-vm ams → san \[1\/6\] hold: host, memory and disk at san-1/,
  /turntable-vm ams → san \[2\/6\] authorize: /,
  /turntable-vm ams → san \[3\/6\] light: a path through ams\.example, transit\.example, san\.example/,
  /turntable-vm ams → san \[4\/6\] migrate: disk and memory, then the switchover/,
  /turntable-vm ams → san \[4\/6\] migrate: (disk|memory) +[█░]{20} +\d+% \([\d.]+ of [\d.]+ MB, [\d.]+ MB\/s, [\d.]+ MB left/,
  /turntable-vm ams → san \[5\/6\] steer: /,
  /turntable-vm ams → san \[6\/6\] release: /,
  /turntable-vm moved ams → san: away for \d+ ms; /,
];

/** The CLI with a log, all of whose words are kept. */
class HeardCli extends PulumiCli {
  readonly said: string[] = [];

  override async attempt(...argv: readonly string[]): Promise<CliResult> {
    const result = await super.attempt(...argv);
    this.said.push(result.output);
    return result;
  }
}

let here: World & { readonly pulumi: HeardCli };
/** The controller's log of the whole file. */
let logFile: string;
let before: Record<string, string>;
/** Argument lists and journals, read while the VM moved. */
let overheard: readonly string[] = [];

beforeAll(async () => {
  const seen = await world();
  logFile = seen.lab.path("log", "controller.log");
  await rm(logFile, { force: true });
  const environment = { ...shellEnvironment(seen.lab), TURNTABLE_LOG_FILE: logFile };
  here = { ...seen, pulumi: new HeardCli(REPOSITORY, environment, false) };
  before = await settledTraces(here);
});
afterAll(async () => {
  await here?.pulumi.attempt("destroy", "--yes", "--skip-preview");
});

test("the first preview of an empty stack works", async () => {
  await here.pulumi.run("config", "set", "site", "ams");
  const preview = await here.pulumi.run("preview");
  expect(preview).toMatch(/VmPlacement turntable-vm create/);
  expect(preview).not.toMatch(/error:/);
});

test("a VM goes to san and back over a path that is dark before and after", async () => {
  expect(await joinedPorts(here)).toEqual([]);
  expect(await framesPass(here)).toBe(false);
  const { ams, san } = { ams: here.lab.path("ams"), san: here.lab.path("san") };
  const snoop = new Snoop([ams, san].map((storage) => `${storage}/${here.inventory.vm.name}/journal.json`));
  const turn = turnAround(here.pulumi, here.inventory, { load: false, say: () => undefined });
  const { moves, faults } = await turn.finally(async () => {
    overheard = await snoop.stop();
  });
  expect(faults).toEqual([]);
  expect(moves.map(({ from, to }) => `${from} ${to}`)).toEqual(["ams san", "san ams"]);
  for (const move of moves) {
    expect(move.tcpSurvived).toBe(true);
    expect(move.lostPings).toBeLessThanOrEqual(20);
    expect(move.downtimeMs.blackout).toBeGreaterThan(90);
    expect(move.downtimeMs.blackout).toBeLessThanOrEqual(1_000);
    expect(move.downtimeMs.guest).toBeGreaterThan(90);
    expect(move.memoryBytes).toBeGreaterThan(100e6);
    expect(Object.keys(move.stages).sort()).toEqual([...STAGES].sort());
  }
  // The whole disk there; back, onto the replica that ams kept, only what was written at san.
  expect(moves[0]?.diskBytes).toBeGreaterThan(64e6);
  expect(moves[1]?.diskBytes).toBeLessThan(2e6);
  expect(await joinedPorts(here)).toEqual([]);
  expect(await framesPass(here)).toBe(false);
});

test("up tells each stage and how far the copy is", () => {
  const output = here.pulumi.said.find((text) => text.includes("turntable-vm moved ams → san")) ?? "";
  const at = SAID.map((pattern) => output.search(pattern));
  expect(at).not.toContain(-1);
  expect(at).toEqual(at.toSorted((one, other) => one - other));
});

test("one id follows a move through the controller's log and those of every domain on the way", async () => {
  const lines = await linesOf(logFile);
  const moved = lines.filter(({ msg }) => /^turntable-vm moved /.test(msg));
  expect(moved.map(({ msg }) => msg.replace(/:.*/, ""))).toEqual([
    "turntable-vm moved ams → san",
    "turntable-vm moved san → ams",
  ]);
  for (const { move } of moved) {
    expect(move).toMatch(/^[0-9a-f-]{36}$/);
    const stages = lines.filter((line) => line.move === move).map(({ msg }) => /\[(\d)\/6\]/.exec(msg)?.[1]);
    expect(new Set(stages)).toEqual(new Set(["1", "2", "3", "4", "5", "6", undefined]));
    for (const domain of DOMAINS) {
      const urls = (await linesOf(here.lab.path("log", `agent-${domain}.log`)))
        .filter((line) => line.move === move)
        .map(({ url }) => url ?? "");
      expect(urls.join("\n")).toMatch(/\/drac\/(segments|connections)/);
    }
  }
});

test("a second up does nothing, and a refresh is clean", async () => {
  expect(await here.pulumi.run("up", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
  expect(await here.pulumi.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
});

test("a changed site is an update in preview, never a replacement", async () => {
  await here.pulumi.run("config", "set", "site", "san");
  const preview = await planned();
  await here.pulumi.run("config", "set", "site", "ams");
  expect(preview).toMatch(/~ site\s*: "ams" => "san"/);
  expect(preview).toMatch(/~ 2 to update/);
  expect(preview).not.toMatch(/replace/);
  for (const line of PLAN) expect(preview).toMatch(line);
});

/** A preview's text. A busy machine may keep a site or domain from answering in time; then the plan says so. */
async function planned(): Promise<string> {
  let preview = "";
  for (let tries = 0; tries < 4; tries++) {
    preview = await here.pulumi.run("preview", "--diff");
    if (!/gave no answer in/.test(preview)) break;
  }
  return preview;
}

test("a VM whose mode says so is suspended for the copy of its memory, and goes on elsewhere as it was", async () => {
  await here.pulumi.run("config", "set", "mode", "suspended");
  await here.pulumi.run("config", "set", "site", "san");
  const preview = await planned();
  expect(preview).toMatch(/turntable-vm: ams → san, suspended while its memory is copied/);
  expect(preview).toMatch(/downtime: up to about 2 s: it stands still for the whole copy of its memory/);
  const watch = await Watch.begin(here.inventory);
  try {
    const { faults, record, downtimeMs } = await watch.during(() => moveTo(here.pulumi, "san"));
    expect(faults).toEqual([]);
    expect(record.mode).toBe("suspended");
    expect(downtimeMs.blackout).toBeGreaterThan(1_000);
    expect(downtimeMs.stream).toBeGreaterThan(downtimeMs.blackout - 100);
    await watch.guest.verify();
  } finally {
    await watch.stop();
    await here.pulumi.run("config", "set", "mode", "live");
  }
  const said = here.pulumi.said.find((text) => text.includes("moved ams → san, suspended")) ?? "";
  expect(said).toMatch(/\[4\/6\] migrate: disk, then memory while the VM is suspended, and the switchover/);
  expect(said).toMatch(/turntable-vm moved ams → san, suspended: away for \d+ ms; /);
}, 240_000);

test("no secret is in the state, the logs, the journals or an argument list", async () => {
  const { credentials, directory } = here.inventory;
  const caller: { d: string } = JSON.parse(await readFile(credentials.callerKeyFile, "utf8"));
  const sshKey = (await readFile(credentials.sshKeyFile, "utf8")).split("\n").slice(2, 5);
  const said = here.pulumi.said.join("\n");
  const state = await here.pulumi.run("stack", "export");
  for (const secret of [caller.d, ...sshKey]) {
    expect(secret.length).toBeGreaterThan(30);
    expect(state).not.toContain(secret);
    expect(said).not.toContain(secret);
    expect(overheard.filter((text) => text.includes(secret))).toEqual([]);
  }
  expect(overheard.some((text) => text.includes('"stage": "migrate"'))).toBe(true);
  expect(overheard.some((text) => text.includes("qemu-system"))).toBe(true);
  expect(overheard.filter((text) => TOKEN.test(text))).toEqual([]);
  expect(state).not.toMatch(TOKEN);
  expect(said).not.toMatch(TOKEN);
  expect(await readFile(logFile, "utf8")).toContain("[4/6] migrate");
  // What a domain signs for others to read, its accounts and its topology, stands in its store; no right and no assertion does.
  const secrets = [TOKEN_TYPE, GRANT_TYPE, CONSENT_TYPE, ASSERTION_TYPE].map(headerOf);
  const signed = await signAssertion(await callerOf({ id: "x", key: JSON.stringify(caller) }), "y");
  expect(signed.startsWith(headerOf(ASSERTION_TYPE))).toBe(true);
  expect(await filesHolding(directory, [...secrets, caller.d])).toEqual([credentials.callerKeyFile]);
  expect(
    await filesHolding(
      directory,
      sshKey.map((line) => line.replaceAll("+", "[+]")),
    ),
  ).toEqual([credentials.sshKeyFile]);
});

test("after destroy nothing is left at the sites and the gateway", async () => {
  await here.pulumi.run("destroy", "--yes", "--skip-preview");
  await expect.poll(() => traces(here), SETTLING).toEqual(before);
  expect(await liveConnections(here)).toEqual([]);
});

/** How a signature of a type begins, whatever else its header says: as far as whole groups of base64 go. */
function headerOf(typ: string): string {
  const head = Buffer.from(JSON.stringify({ alg: ALGORITHM, typ }).slice(0, -1));
  return head.subarray(0, head.length - (head.length % 3)).toString("base64url");
}

const logLine = z.looseObject({ msg: z.string(), move: z.string().optional(), url: z.string().optional() });

/** The lines of a log; what a process said before it had one is left out. */
async function linesOf(file: string): Promise<z.output<typeof logLine>[]> {
  const lines = (await readFile(file, "utf8")).split("\n").filter((line) => line.startsWith("{"));
  return lines.map((line) => logLine.parse(JSON.parse(line)));
}

/** Files below a folder that match one of the patterns, guest images and Pulumi's own state left out. */
async function filesHolding(folder: string, patterns: readonly string[]): Promise<string[]> {
  const { execFile } = await import("node:child_process");
  const { promisify } = await import("node:util");
  const options = ["-rlE", "--exclude-dir=pulumi-home", "--exclude-dir=images", "--exclude=*.qcow2"];
  const argv = [...options, ...patterns.flatMap((pattern) => ["-e", pattern]), folder];
  const found = await promisify(execFile)("grep", argv).catch((thrown: { stdout: string }) => thrown);
  return found.stdout.split("\n").filter((line) => line !== "");
}
