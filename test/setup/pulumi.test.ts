import { chmod, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

const SETUP = path.join(REPOSITORY, "examples/lab/setup");
/** Both parts of set-up that choose, told of a cache of the test's own; what would install says so and fails. */
const CHOOSE = `
  set -euo pipefail
  here=$0; root=$1; cache=$2/turntable
  . "$here/say.sh"; . "$here/pulumi.sh"
  install_official() { fail "nothing serves"; }
  provide_pulumi
`;
const LAB_CHOOSES = `
  import { description, readDescription, descriptionFile } from "${REPOSITORY}/examples/lab/description.ts";
  import { layOut } from "${REPOSITORY}/examples/lab/layout.ts";
  import { shellEnvironment } from "${REPOSITORY}/examples/lab/environment.ts";
  console.log(shellEnvironment(layOut(readDescription(descriptionFile()))).PATH);
`;

let folder = "";
beforeEach(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "tt-setup-"));
});
afterEach(async () => await rm(folder, { recursive: true, force: true }));

async function pulumiIn(where: string, version: string): Promise<void> {
  await mkdir(where, { recursive: true });
  const file = path.join(where, "pulumi");
  await writeFile(file, `#!/bin/sh\necho v${version}\n`);
  await chmod(file, 0o755);
}

const cached = () => path.join(folder, "turntable/pulumi/bin");
const own = () => path.join(folder, "own");

/** What set-up says it takes, and the version of what the lab then finds. */
async function chosen(): Promise<{ said: string; lab: string }> {
  const env = { ...process.env, PATH: `${cached()}:${own()}:/usr/bin:/bin`, XDG_CACHE_HOME: folder };
  const said = await run(["bash", "-c", CHOOSE, SETUP, REPOSITORY, folder], { env });
  const PATH = `${own()}:/usr/bin:/bin`;
  const argv = [process.execPath, "--input-type=module-typescript", "-e", LAB_CHOOSES];
  const seen = (await run(argv, { env: { ...env, PATH } })).trim();
  const lab = await run(["pulumi", "version"], { env: { ...env, PATH: seen.replace(/^[^:]*:/, "") } });
  return { said: said.trim(), lab: lab.trim() };
}

test("set-up and lab take the cache's CLI, whatever is on PATH", async () => {
  await pulumiIn(cached(), "3.200.0");
  await pulumiIn(own(), "3.300.0");
  expect(await chosen()).toEqual({ said: expect.stringMatching(/^setup: pulumi 3\.200\.0: /), lab: "v3.200.0" });
});

test("both take the one on PATH where the cache's is too old, or there is none", async () => {
  await pulumiIn(own(), "3.300.0");
  expect(await chosen()).toEqual({ said: expect.stringMatching(/the one on PATH/), lab: "v3.300.0" });
  await pulumiIn(cached(), "3.100.0");
  expect(await chosen()).toEqual({ said: expect.stringMatching(/the one on PATH/), lab: "v3.300.0" });
});

test("what is too old on PATH serves neither", async () => {
  await pulumiIn(own(), "3.100.0");
  await expect(chosen()).rejects.toThrow(/nothing serves/);
});
