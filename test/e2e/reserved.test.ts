import { rm } from "node:fs/promises";
import path from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { attempt } from "../../examples/lab/command.ts";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { moveTo } from "../../examples/lab/demo/turn.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { CALLER_ID } from "../../examples/lab/keys.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { framesPass, joinedPorts, type World, world } from "./world.ts";

const PROJECT = path.join(REPOSITORY, "examples/reserved");
const MAIN = path.join(REPOSITORY, "provider/main.ts");
const STACK = "e2e-reserved";
const outputs = z.looseObject({ reservation: z.string(), agreed: z.array(z.string()) });

let here: World;
let pulumi: PulumiCli;

beforeAll(async () => {
  here = await world();
  pulumi = new PulumiCli(PROJECT, { ...shellEnvironment(here.lab), PULUMI_STACK: STACK }, false);
  const { sshKeyFile, callerKeyFile } = here.inventory.credentials;
  await rm(path.join(PROJECT, `Pulumi.${STACK}.yaml`), { force: true });
  await pulumi.run("stack", "init", STACK);
  const hour = 3_600_000;
  const settings = {
    ...{ "turntable:sshKeyFile": sshKeyFile, "turntable:callerId": CALLER_ID },
    ...{ "turntable:callerKeyFile": callerKeyFile, site: "ams" },
    ...{ start: new Date().toISOString(), end: new Date(Date.now() + 2 * hour).toISOString() },
  };
  for (const [key, value] of Object.entries(settings)) await pulumi.run("config", "set", key, value);
});
afterAll(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(path.join(PROJECT, `Pulumi.${STACK}.yaml`), { force: true });
});

test("a declared grant and a declared path serve moves in both directions, and stay dark between them", async () => {
  await pulumi.run("up", "--yes", "--skip-preview");
  expect(outputs.parse(await pulumi.outputs())).toMatchObject({
    reservation: "reserved",
    agreed: ["ams.example", "transit.example", "san.example"],
  });
  expect(await joinedPorts(here)).toEqual([]);
  const there = await moveTo(pulumi, "san");
  expect(await joinedPorts(here)).toEqual([]);
  expect(await framesPass(here)).toBe(false);
  const back = await moveTo(pulumi, "ams");
  expect(there.path.hops).toEqual(["ams.example", "transit.example", "san.example"]);
  expect(back.path.connectionId).toBe(there.path.connectionId);
  expect(outputs.parse(await pulumi.outputs()).reservation).toBe("reserved");
  await pulumi.run("refresh", "--yes", "--skip-preview", "--expect-no-changes");
});

test("the network tells of the path to whoever is in the project's folder", async () => {
  const argv = ["lightpath", "list", "--stack", PROJECT, "--json"];
  const env = { ...process.env, ...shellEnvironment(here.lab), PULUMI_STACK: STACK };
  const { stdout, stderr, code } = await attempt([process.execPath, MAIN, ...argv], { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect(
    stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line)),
  ).toEqual([
    {
      domain: "ams.example",
      connection: expect.objectContaining({ state: "reserved", bandwidthMbps: 900, vm: here.inventory.vm.name }),
    },
  ]);
});

test("the signed grant is a secret in the state", async () => {
  expect(await pulumi.run("stack", "export")).not.toMatch(/eyJ[\w-]{10,}\./);
  expect(JSON.stringify(await pulumi.outputs())).not.toMatch(/eyJ[\w-]{10,}\./);
});
