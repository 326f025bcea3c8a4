import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { CALLER_ID } from "../../examples/lab/keys.ts";
import { world } from "./world.ts";

const PROJECT = fileURLToPath(new URL("programs/granted", import.meta.url));
const STACK = "e2e-granted";
const HOUR_MS = 3_600_000;

let pulumi: PulumiCli;

beforeAll(async () => {
  const here = await world();
  pulumi = new PulumiCli(PROJECT, { ...shellEnvironment(here.lab), PULUMI_STACK: STACK }, false);
  const { sshKeyFile, callerKeyFile } = here.inventory.credentials;
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
  await pulumi.run("stack", "init", STACK);
  const settings = {
    ...{ "turntable:sshKeyFile": sshKeyFile, "turntable:callerId": CALLER_ID },
    ...{ "turntable:callerKeyFile": callerKeyFile, site: "ams" },
    ...{ start: new Date().toISOString(), end: new Date(Date.now() + HOUR_MS).toISOString() },
  };
  for (const [key, value] of Object.entries(settings)) await pulumi.run("config", "set", key, value);
});
afterAll(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  await rm(`${PROJECT}/Pulumi.${STACK}.yaml`, { force: true });
});

test("a preview refuses a move that its declared grant does not cover, and names what is missing", async () => {
  await pulumi.run("up", "--yes", "--skip-preview");
  await pulumi.run("config", "set", "site", "san");
  await pulumi.run("config", "set", "bandwidthMbps", "900");
  const refused = await pulumi.attempt("preview");
  expect(refused.code).not.toBe(0);
  expect(refused.output).toMatch(/grant.*it is for 100 Mbps, not for 900 Mbps/s);
  await pulumi.run("config", "set", "bandwidthMbps", "100");
  expect(await pulumi.run("preview")).toMatch(/granted: ams → san, while it runs/);
});
