import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { type CliResult, PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { CALLER_ID } from "../../examples/lab/keys.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { compose } from "../../provider/composition.ts";
import { placementInputs, placementState } from "../../provider/controller/placement.ts";
import { relocateVm } from "../../provider/controller/vm-verbs.ts";
import { VM_PLACEMENT_TYPE } from "../../sdk/policy/index.ts";
import { type World, world } from "./world.ts";

const PACK = path.join(REPOSITORY, "examples/policy");
const PROJECT = path.join(PACK, "program");
const STACK = "e2e-policy";

/** Each rule's configuration under which ams → san at 900 Mbit/s is allowed, and one under which it is refused. */
const NOON = "2026-01-05T12:00:00Z";
const ALLOWED = {
  embargo: { allowed: { "eu-data": ["eu", "us"] } },
  encryption: "mandatory",
  "bandwidth-cap": { maxMbps: 900 },
  hours: { allowed: [{ days: ["Mon"], from: "11:00", to: "13:00" }], now: NOON },
};
const REFUSED = {
  embargo: { allowed: { "eu-data": ["eu"] }, placements: false },
  "bandwidth-cap": { maxMbps: 899 },
  hours: { allowed: [{ from: "22:00", to: "04:00" }], now: NOON },
};

const exported = z.object({
  deployment: z.object({ resources: z.array(z.looseObject({ type: z.string(), id: z.string().optional() })) }),
});

let here: World;
let pulumi: PulumiCli;
let folder: string;

async function set(settings: Record<string, string>): Promise<void> {
  const pairs = Object.entries(settings).flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]);
  await pulumi.run("config", "set-all", ...pairs);
}

/** A preview with the example's pack, as a user runs it. */
async function review(config: object): Promise<CliResult> {
  const file = path.join(folder, "config.json");
  await writeFile(file, JSON.stringify(config));
  return pulumi.attempt("preview", "--policy-pack", PACK, "--policy-pack-config", file);
}

/** The rules that refused something: a rule that did so twice is named twice. */
function refusing({ output }: CliResult): string[] {
  return [...output.matchAll(/is refused by the rule ([\w-]+):/g)].map(([, rule]) => rule ?? "").sort();
}

/** Moves the VM behind the stack's back: with the product's own hands, but the stack's state is not told. */
async function moveByHand(site: "ams" | "san"): Promise<void> {
  const { deployment } = exported.parse(JSON.parse(await pulumi.run("stack", "export")));
  const recorded = deployment.resources.find(({ type }) => type === VM_PLACEMENT_TYPE);
  const { id, outputs } = z.object({ id: z.string(), outputs: z.unknown() }).parse(recorded);
  const olds = placementState.parse(outputs);
  const { name, image, disks, memoryMiB, vcpus, network, labels } = olds;
  const lightpath = { kind: "on-demand", bandwidthMbps: 900, encryption: "none" };
  const where = { site, location: here.inventory.sites[site], lightpath };
  const news = placementInputs.parse({ name, image, disks, memoryMiB, vcpus, network, labels, ...where });
  const settings: Record<string, string> = here.inventory.credentials;
  const silent = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const composition = compose((key) => settings[key], silent);
  try {
    await relocateVm(composition, id, olds, news);
  } finally {
    await composition.rest();
  }
}

beforeAll(async () => {
  here = await world();
  folder = await mkdtemp(path.join(tmpdir(), "turntable-policy-"));
  pulumi = new PulumiCli(PROJECT, { ...shellEnvironment(here.lab), PULUMI_STACK: STACK }, false);
  await rm(path.join(PROJECT, `Pulumi.${STACK}.yaml`), { force: true });
  await pulumi.run("stack", "init", STACK);
  const { sshKeyFile, callerKeyFile } = here.inventory.credentials;
  const caller = { "turntable:callerId": CALLER_ID, "turntable:callerKeyFile": callerKeyFile };
  await set({ "turntable:sshKeyFile": sshKeyFile, ...caller });
});
afterAll(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(path.join(PROJECT, `Pulumi.${STACK}.yaml`), { force: true });
  if (folder !== undefined) await rm(folder, { recursive: true, force: true });
});

describe("before there is a VM", () => {
  test("a placement outside the allowed jurisdictions is refused", async () => {
    await set({ site: "san" });
    const refused = await review({ embargo: { allowed: { "eu-data": ["eu"] } } });
    expect(refused.code).not.toBe(0);
    expect(refusing(refused)).toEqual(["embargo"]);
    expect(refused.output).toContain(
      "turntable-vm: its place at san is refused by the rule embargo: san is in us, and embargo eu-data allows eu",
    );
  });

  test("a placement inside them is allowed, and no rule for moves is asked", async () => {
    await set({ site: "ams" });
    const allowed = await review({ ...REFUSED, embargo: { allowed: { "eu-data": ["eu"] } } });
    expect(allowed.output).not.toMatch(/refused|can't run/);
    expect(allowed.code).toBe(0);
  });
});

describe("a VM at ams that shall go to san", () => {
  beforeAll(async () => {
    await pulumi.run("up", "--yes", "--skip-preview");
    await set({ site: "san" });
  });

  test("is refused by where it goes and by the rate, allowed by encryption and the hour", async () => {
    await set({ clear: "false" });
    const { embargo, "bandwidth-cap": cap } = REFUSED;
    const reviewed = await review({ ...ALLOWED, embargo, "bandwidth-cap": cap });
    expect(reviewed.code).not.toBe(0);
    expect(refusing(reviewed)).toEqual(["bandwidth-cap", "embargo"]);
    const move = "turntable-vm: ams → san is refused by the rule";
    expect(reviewed.output).toContain(`${move} embargo: san is in us, and embargo eu-data allows eu`);
    expect(reviewed.output).toContain(`${move} bandwidth-cap: its path has 900 Mbit/s; allowed are 899 Mbit/s`);
  });

  test("is refused by encryption and the hour, allowed by where it goes and by the rate", async () => {
    await set({ clear: "true" });
    const reviewed = await review({ ...ALLOWED, hours: REFUSED.hours });
    expect(reviewed.code).not.toBe(0);
    expect(refusing(reviewed)).toEqual(["encryption", "hours"]);
    const move = "turntable-vm: ams → san is refused by the rule";
    expect(reviewed.output).toContain(
      `${move} encryption: memory and disk would cross the on-demand path in the clear`,
    );
    expect(reviewed.output).toContain(`${move} hours: it is Mon 12:00 UTC; allowed: 22:00–04:00`);
  });

  test("is allowed when no rule objects", async () => {
    await set({ clear: "false" });
    const allowed = await review(ALLOWED);
    expect(allowed.output).toMatch(/~ 1 to update/);
    expect(allowed.output).not.toMatch(/refused|can't run/);
    expect(allowed.code).toBe(0);
  });
});

describe("a VM that has gone to san", () => {
  beforeAll(async () => {
    await set({ clear: "true" });
    await pulumi.run("up", "--yes", "--skip-preview");
  });

  test("is not judged again for a move that no rule would allow", async () => {
    const again = await review(REFUSED);
    expect(again.output).not.toMatch(/refused|can't run/);
    expect(again.code).toBe(0);
  });

  test("and was moved back by hand is refused the way that the program still asks for", async () => {
    await moveByHand("ams");
    await pulumi.run("refresh", "--yes", "--skip-preview");
    const back = await review(REFUSED);
    expect(back.code).not.toBe(0);
    expect(refusing(back)).toEqual(["bandwidth-cap", "embargo", "encryption", "hours"]);
    expect(back.output).toMatch(/turntable-vm: ams → san is refused by the rule embargo/);
  });
});
