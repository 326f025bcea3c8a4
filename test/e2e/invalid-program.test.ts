import { rm } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { world } from "./world.ts";

test("a wrong program is refused in preview, with every property and reason at once", async () => {
  const { lab } = await world();
  const project = fileURLToPath(new URL("programs/invalid", import.meta.url));
  await rm(`${project}/Pulumi.e2e-invalid.yaml`, { force: true });
  const environment = { ...shellEnvironment(lab), PULUMI_STACK: "e2e-invalid" };
  const pulumi = new PulumiCli(project, environment, false);
  await pulumi.run("stack", "init", "e2e-invalid");
  const { code, output } = await pulumi.attempt("preview");
  expect(code).not.toBe(0);
  for (const property of ["memoryMiB", "vcpus", "network.mac", "lightpath.bandwidthMbps"]) {
    expect(output).toContain(property);
  }
  expect(output).toMatch(/must be a lower-case MAC address/);
});
