import { appendFile, copyFile, mkdir, readdir, readFile, writeFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { attempt } from "../../examples/lab/command.ts";
import { PulumiCli } from "../../examples/lab/demo/pulumi.ts";
import { shellEnvironment } from "../../examples/lab/environment.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { type Installation, install } from "../package/installation.ts";
import { pack, type Tarball } from "../package/tarball.ts";
import { SETTLING, settledTraces, traces, type World, world } from "./world.ts";

const PROGRAMS = fileURLToPath(new URL("../package/programs", import.meta.url));

/** A way to write a program, and how Pulumi is told of it. */
interface Kind {
  readonly source: string;
  readonly manifest: Readonly<Record<string, unknown>>;
  readonly runtime: unknown;
  readonly modules: "ESM" | "CommonJS";
}

const WITHOUT_COMPILER = { name: "nodejs", options: { typescript: false } };
const KINDS = {
  "esm-stripped": {
    ...{ source: "program.ts", manifest: { type: "module" }, runtime: WITHOUT_COMPILER },
    modules: "ESM",
  },
  esm: { source: "esm.js", manifest: { type: "module" }, runtime: WITHOUT_COMPILER, modules: "ESM" },
  commonjs: { source: "commonjs.js", manifest: {}, runtime: WITHOUT_COMPILER, modules: "CommonJS" },
  // As `pulumi new typescript` leaves it.
  compiled: { source: "program.ts", manifest: {}, runtime: "nodejs", modules: "CommonJS" },
} satisfies Record<string, Kind>;
/** Of `pulumi new typescript`. */
const COMPILER = { strict: true, target: "es2020", module: "commonjs", moduleResolution: "node" };

let here: World;
let before: Record<string, string>;
let tarball: Tarball;
let installation: Installation;
let pulumi: PulumiCli | undefined;

beforeAll(async () => {
  here = await world();
  before = await settledTraces(here);
  tarball = await pack();
  installation = await install(tarball.file);
});
afterEach(async () => {
  await pulumi?.attempt("destroy", "--yes", "--skip-preview");
  pulumi = undefined;
});
afterAll(async () => {
  await installation?.dispose();
  await tarball?.dispose();
});

/** A user's: credentials and state are not those of the lab's own stack. */
function environment(): Readonly<Record<string, string>> {
  const { sshKeyFile, callerId, callerKeyFile } = here.inventory.credentials;
  return {
    ...shellEnvironment(here.lab),
    PULUMI_BACKEND_URL: `file://${installation.folder}`,
    PULUMI_STACK: "outside",
    TURNTABLE_SSH_KEY_FILE: sshKeyFile,
    TURNTABLE_CALLER_ID: callerId,
    TURNTABLE_CALLER_KEY_FILE: callerKeyFile,
  };
}

/** A project in a folder of its own, with one stack. */
async function project(name: string, { source, manifest, runtime }: Kind): Promise<PulumiCli> {
  const folder = join(installation.folder, name);
  const main = `index${extname(source)}`;
  await mkdir(folder);
  await copyFile(join(PROGRAMS, source), join(folder, main));
  const files = {
    "package.json": { private: true, main, ...manifest },
    "Pulumi.yaml": { name, runtime },
    "tsconfig.json": { compilerOptions: COMPILER, files: [main] },
  };
  for (const [file, content] of Object.entries(files)) await writeFile(join(folder, file), JSON.stringify(content));
  const cli = new PulumiCli(folder, environment(), false);
  await cli.run("stack", "init", "outside");
  return cli;
}

async function place(cli: PulumiCli, site: string): Promise<unknown> {
  await cli.run("config", "set", "site", site);
  await cli.run("up", "--yes", "--skip-preview");
  return await cli.outputs();
}

/** What the installed command prints. */
async function turntable(cwd: string, ...argv: readonly string[]): Promise<string> {
  const command = join(installation.folder, "node_modules", ".bin", "turntable");
  const { PULUMI_CONFIG_PASSPHRASE: _, ...inherited } = process.env;
  const env = { ...inherited, ...environment() };
  const { code, stdout, stderr } = await attempt([command, ...argv], { env, cwd });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("one copy of Pulumi's SDK is installed, and nothing of the repository", async () => {
  const { folder } = installation;
  const installed = await readdir(join(folder, "node_modules"), { recursive: true, withFileTypes: true });
  const copies = installed.filter(({ name, parentPath }) => name === "pulumi" && parentPath.endsWith("/@pulumi"));
  expect(copies.map(({ parentPath }) => parentPath)).toEqual([join(folder, "node_modules", "@pulumi")]);
  const links = installed.filter((entry) => entry.isSymbolicLink() && !entry.parentPath.endsWith("/.bin"));
  expect(links).toEqual([]);
});

test("the installed command answers", async () => {
  expect(await turntable(installation.folder, "domain", "--help")).toMatch(/^Usage: turntable domain/);
});

test.each(Object.entries(KINDS))("a program of the kind %s places a VM and takes it away", async (name, kind) => {
  pulumi = await project(name, kind);
  expect(await place(pulumi, "ams")).toMatchObject({ site: "ams", epoch: 1, modules: kind.modules });
  const state = await pulumi.run("stack", "export");
  expect(state).toContain("pulumi-turntable/provider");
  expect(state).not.toContain(REPOSITORY);
  if (name === "compiled") {
    expect(await place(pulumi, "san")).toMatchObject({ site: "san", epoch: 2 });
    const page = (await turntable(join(installation.folder, name), "report")).trim();
    expect(await readFile(page, "utf8")).toMatch(/^<!doctype html>[\s\S]*<style>[\s\S]*<\/html>\s*$/i);
  }
  await pulumi.run("destroy", "--yes", "--skip-preview");
  await expect.poll(() => traces(here), SETTLING).toEqual(before);
});

test("Pulumi's compiler holds a program to the package's types", async () => {
  pulumi = await project("mistyped", KINDS.compiled);
  const lines = ['import { validateMove } from "pulumi-turntable/policy";', 'new Site("wrong", { hots: [] });', ""];
  await appendFile(join(installation.folder, "mistyped", "index.ts"), lines.join("\n"));
  const { code, output } = await pulumi.attempt("preview");
  expect(code).not.toBe(0);
  expect(output).toMatch(/TS2\d+: .*'hots' does not exist in type 'SiteArgs'/);
  expect(output).not.toMatch(/TS2307|Cannot find module/);
});
