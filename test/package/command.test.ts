import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import { attempt, run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { domainConfig } from "../../provider/domain/config.ts";

const MAIN = join(REPOSITORY, "provider", "main.ts");
const turntable = (...argv: readonly string[]) => attempt([process.execPath, MAIN, ...argv]);

test("the help lists the commands, and each tells of itself", async () => {
  const { code, stdout } = await turntable("--help");
  expect(code).toBe(0);
  const listed = stdout.split("Commands:\n")[1] ?? "";
  const commands = [...listed.matchAll(/^ {2}(\w+) .*\S {2,}\S/gm)].map(([, name = ""]) => name);
  expect(commands).toContain("domain");
  for (const command of commands.filter((name) => name !== "help")) {
    const help = await turntable(command, "--help");
    expect(help.code).toBe(0);
    expect(help.stdout).toMatch(new RegExp(`^Usage: turntable ${command} .*\n\n\\w.{30}`));
    expect(help.stdout).toContain("Options:\n");
    expect((await turntable("help", command)).stdout).toBe(help.stdout);
  }
});

test("the help of an agent names every setting", async () => {
  const { stdout } = await turntable("domain", "--help");
  for (const setting of Object.keys(domainConfig.shape)) expect(stdout).toMatch(new RegExp(`\\b${setting}\\b`));
});

test("the version is that of the package", async () => {
  const { version } = JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8"));
  expect((await run([process.execPath, MAIN, "--version"])).trim()).toBe(version);
});

test.each([
  [["domian"], /unknown command 'domian'[\s\S]*Did you mean domain\?[\s\S]*turntable help/],
  [["domain"], /required option '--config <file>' not specified/],
  [
    ["domain", "--config", "/nowhere/at-all.json"],
    /turntable: the domain's file \/nowhere\/at-all.json cannot be used/,
  ],
  [[], /Usage: turntable/],
])("%j is refused, with the reason", async (argv, reason) => {
  const { code, stdout, stderr } = await turntable(...argv);
  expect(code).toBe(1);
  expect(stdout).toBe("");
  expect(stderr).toMatch(reason);
});

test("an old Node is told which one is needed", async () => {
  const pretend = 'Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } })';
  // It has no SQLite either.
  const old = [process.execPath, "--no-experimental-sqlite", "--import", `data:text/javascript,${pretend}`];
  for (const argv of [["--help"], ["domain", "--config", "any.json"]]) {
    const { code, stdout, stderr } = await attempt([...old, MAIN, ...argv]);
    expect(code).toBe(1);
    expect(stdout).toBe("");
    expect(stderr).toMatch(/^turntable: pulumi-turntable needs Node 24, and this is 20\.20\.2 .*\n$/);
  }
});
