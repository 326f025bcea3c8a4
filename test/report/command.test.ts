import { execFile } from "node:child_process";
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { bare, whole } from "./moves.ts";
import { OutputStack } from "./stack.ts";

const run = promisify(execFile);
let folder = "";

/** `turntable report …` in the scratch folder. */
async function report(argv: readonly string[], env: NodeJS.ProcessEnv = process.env): Promise<string[]> {
  const { stdout } = await run(process.execPath, [path.join(REPOSITORY, "provider/main.ts"), "report", ...argv], {
    ...{ cwd: folder, env },
  });
  return stdout.trim().split("\n");
}

async function inputFile(content: unknown): Promise<string> {
  const file = path.join(folder, "move.json");
  await writeFile(file, JSON.stringify(content));
  return file;
}

beforeAll(async () => {
  folder = await mkdtemp(path.join(tmpdir(), "turntable-report-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

describe("turntable report --input", () => {
  test("writes a page named after the move, and prints its path", async () => {
    const [file = ""] = await report(["--input", await inputFile(whole)]);
    expect(file).toBe(path.join(folder, "reports/web-ams-san-2.html"));
    expect(await readFile(file, "utf8")).toContain("<title>web ams → san: away for 128 ms</title>");
  });

  test("writes where it is told to", async () => {
    const [file] = await report(["--input", await inputFile(bare), "--output", "there/page.html"]);
    expect(file).toBe(path.join(folder, "there/page.html"));
    expect(await readdir(path.join(folder, "there"))).toEqual(["page.html"]);
  });

  test("names in a record lead to no other folder", async () => {
    const astray = { ...bare, vm: "../../vm", move: { ...bare.move, from: "/etc", to: ".." } };
    expect(await report(["--input", await inputFile(astray)])).toEqual([path.join(folder, "reports/vm-etc-2.html")]);
  });

  test("says what is wrong with a file, and with which property", async () => {
    const wrong = { ...bare, schema: 2, move: { ...bare.move, totalMs: "long" } };
    const failure = report(["--input", await inputFile(wrong)]);
    await expect(failure).rejects.toThrow(/move\.json does not describe a move: .*schema.*move\.totalMs/s);
  });
});

describe("turntable report in a project", () => {
  let stack: OutputStack;

  beforeAll(async () => {
    const web = { name: "web", site: "san", lastMove: whole.move };
    stack = await OutputStack.create({ web, lastMove: bare.move, others: [{ name: "db", lastMove: {} }], site: "san" });
  });
  afterAll(() => stack.remove());

  test("writes a page for each move that the stack's outputs hold", async () => {
    const files = await report(["--stack", stack.directory], stack.environment);
    expect(files.map((file) => path.relative(folder, file)).sort()).toEqual([
      "reports/ams-san-2.html",
      "reports/web-ams-san-2.html",
    ]);
  });

  test("does not squeeze two moves into one page", async () => {
    const failure = report(["--stack", stack.directory, "--output", "one.html"], stack.environment);
    await expect(failure).rejects.toThrow(/2 moves do not fit into one page/);
  });

  test("says that a stack holds no move, or that there is no stack", async () => {
    const empty = await OutputStack.create({ site: "ams" });
    try {
      await expect(report(["--stack", empty.directory], empty.environment)).rejects.toThrow(/no record of a move/);
      await expect(report([], empty.environment)).rejects.toThrow(/stack cannot be read: .*Pulumi\.yaml/s);
    } finally {
      await empty.remove();
    }
  });
});
