import { readFile, rm } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { moveTo } from "../../examples/lab/demo/turn.ts";
import { Watch } from "../../examples/lab/demo/watch.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { joinedPorts, type World, world } from "./world.ts";

let here: World;

beforeAll(async () => {
  here = await world();
});
afterAll(async () => {
  await here?.pulumi.attempt("destroy", "--yes", "--skip-preview");
});

test("a destination hypervisor killed in mid-copy costs nothing, and the next up succeeds", async () => {
  const { pulumi, inventory, lab } = here;
  await pulumi.run("config", "set", "site", "ams");
  await pulumi.run("up", "--yes", "--skip-preview");
  const watch = await Watch.begin(inventory);
  try {
    await watch.guest.write(7, 2);
    await pulumi.run("config", "set", "site", "san");
    const move = pulumi.attempt("up", "--yes", "--skip-preview");
    await killWhenCopying(lab.path("san", inventory.vm.name, "qemu.pid"), lab.path("ams", inventory.vm.name));
    const { code, output } = await move;
    expect(code).not.toBe(0);
    expect(output).toMatch(/failed in stage migrate/);
    expect(output).toMatch(/the VM runs where it was/);
    expect(output).toMatch(/run `pulumi up` again/);
    await sleep(1_000);
    expect(await joinedPorts(here)).toEqual([]);
    const seen = await watch.during(() => moveTo(pulumi, "san"));
    expect(seen.faults).toEqual([]);
    expect(seen.from).toBe("ams");
    await watch.guest.check(7, 2);
    await watch.guest.verify();
  } finally {
    await watch.stop();
  }
});

test("a wrong program is refused in preview, with every property and reason at once", async () => {
  const project = fileURLToPath(new URL("programs/invalid", import.meta.url));
  await rm(`${project}/Pulumi.e2e-invalid.yaml`, { force: true });
  const environment = { ...shellEnvironment(here.lab), PULUMI_STACK: "e2e-invalid" };
  const pulumi = new PulumiCli(project, environment, false);
  await pulumi.run("stack", "init", "e2e-invalid");
  const { code, output } = await pulumi.attempt("preview");
  expect(code).not.toBe(0);
  for (const property of ["memoryMiB", "vcpus", "network.mac", "lightpath.bandwidthMbps"]) {
    expect(output).toContain(property);
  }
  expect(output).toMatch(/must be a lower-case MAC address/);
});

/** SIGKILL to the destination's QEMU as soon as the source copies to it. */
async function killWhenCopying(pidFile: string, source: string): Promise<void> {
  for (let tries = 0; tries < 600; tries++) {
    const copying = await readFile(`${source}/near-data.pid`, "utf8").catch(() => "");
    const pid = Number(await readFile(pidFile, "utf8").catch(() => "0"));
    if (copying !== "" && pid > 0) {
      await sleep(500);
      process.kill(pid, "SIGKILL");
      return;
    }
    await sleep(50);
  }
  throw new Error("the copy never began");
}
