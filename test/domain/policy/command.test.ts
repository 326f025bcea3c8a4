import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { z } from "zod";
import { caseTable } from "../../../provider/domain/policy/cases.ts";

const repository = path.resolve(import.meta.dirname, "../../..");
const example = path.join(repository, "examples/domain-policy");
const folder = path.join(example, "policies");
const failure = z.object({ code: z.number(), stdout: z.string(), stderr: z.string() });

let scratch: string;
beforeAll(async () => {
  scratch = await mkdtemp(path.join(tmpdir(), "tt-policy-"));
});
afterAll(async () => await rm(scratch, { recursive: true, force: true }));

async function turntable(...args: string[]) {
  const argv = [path.join(repository, "provider/main.ts"), "policy", ...args];
  return await promisify(execFile)(process.execPath, argv).then(
    ({ stdout, stderr }) => ({ code: 0, stdout, stderr }),
    (thrown: unknown) => failure.parse(thrown),
  );
}

async function scratchFile(name: string, content: unknown): Promise<string> {
  const file = path.join(scratch, name);
  await writeFile(file, typeof content === "string" ? content : JSON.stringify(content));
  return file;
}

describe("turntable policy test", () => {
  test("judges the example's table, which tries every policy", async () => {
    const { code, stdout } = await turntable("test", folder);
    expect(stdout).toMatch(/^ok {4}an operator by day: permit by operators$/m);
    expect(stdout).toMatch(/^15 of 15 cases as expected, 5 policies\n$/m);
    expect(stdout).not.toMatch(/WRONG|no case is decided/);
    expect(code).toBe(0);
  });

  test("tells which cases went otherwise, and fails", async () => {
    const table = caseTable.parse(JSON.parse(await readFile(path.join(folder, "cases.json"), "utf8")));
    const [first] = table.cases;
    const cases = [
      { ...first, name: "the wrong way", expect: "forbid" },
      { ...first, name: "by another", by: "maintenance" },
      { ...first, name: "in the clear", request: { encryption: "none" }, expect: "permit", by: undefined },
      { ...first, name: "as it is" },
    ];
    const { code, stdout } = await turntable(
      "test",
      folder,
      "--cases",
      await scratchFile("w.json", { ...table, cases }),
    );
    const lines = stdout.trimEnd().split("\n");
    expect(lines.slice(0, 4)).toEqual([
      "WRONG the wrong way: permit by operators, expected forbid by operators",
      "WRONG by another: permit by operators, expected permit by maintenance",
      "WRONG in the clear: forbid by encrypted, expected permit (memory and disk must travel encrypted through this domain)",
      "ok    as it is: permit by operators",
    ]);
    expect(lines.at(-2)).toBe("no case is decided by share, embargo, maintenance");
    expect(lines.at(-1)).toBe("1 of 4 cases as expected, 5 policies");
    expect(code).toBe(1);
  });

  test("says what cannot be used, and where", async () => {
    const misspelt = { schema: 1, cases: [{ name: "x", request: { bandwith: 1 }, expect: "permit" }] };
    const wrong: [string[], RegExp][] = [
      [[scratch], /the policies in .* cannot be used: it holds no policy/],
      [[`${scratch}/absent`], /the policies in .*absent cannot be read: ENOENT/],
      [[folder, "--cases", `${scratch}/absent.json`], /absent\.json cannot be used: ENOENT/],
      [[folder, "--cases", await scratchFile("a.json", "{")], /a\.json cannot be used: .*JSON/],
      [[folder, "--cases", await scratchFile("b.json", { schema: 2 })], /b\.json cannot be used(.|\n)*cases/],
      [[folder, "--cases", await scratchFile("c.json", misspelt)], /the case "x" of .*c\.json(.|\n)*bandwith/],
    ];
    const outcomes = await Promise.all(wrong.map(([args]) => turntable("test", ...args)));
    for (const [index, { code, stderr }] of outcomes.entries()) {
      expect(stderr).toMatch(wrong[index]?.[1] ?? /never/);
      expect(code).toBe(1);
    }
  });
});

describe("turntable policy explain", () => {
  test("tells what decided, and of each policy which conditions hold", async () => {
    const { code, stdout } = await turntable("explain", folder, "--request", path.join(example, "request.json"));
    const at = "(limits.cedar:13)";
    expect(stdout).toMatch(`refused by embargo ${at}: this VM's data may not leave the EU\n`);
    expect(stdout).toContain(
      '  yes resource.getTag("embargo") == "eu-data"\n  yes unless { context.to.jurisdiction == "eu" }',
    );
    expect(stdout).toMatch(/^forbid share .* — does not apply\n {2}no {2}context.totalBandwidthMbps > 1500$/m);
    expect(stdout).toMatch(/^permit maintenance .* — applies$/m);
    expect(stdout).toMatch(/^not about this request: operators$/m);
    expect(code).toBe(0);
  });

  test("tells what was permitted, and what only another condition kept from having a value", async () => {
    const request = JSON.parse(await readFile(path.join(example, "request.json"), "utf8"));
    const file = await scratchFile("unlabelled.json", { ...request, vm: { name: "web" } });
    const { stdout } = await turntable("explain", folder, "--request", file);
    expect(stdout).toMatch(/^permitted by maintenance \(who.cedar:16\)\n/);
    expect(stdout).toMatch(/ {2}no {2}resource.hasTag\("embargo"\)\n {2}\? {3}resource.getTag/);
  });
});

test("both tell how they are used", async () => {
  const [both, cases, request] = await Promise.all([
    turntable("--help"),
    turntable("test", "--help"),
    turntable("explain", "--help"),
  ]);
  expect(both.stdout).toMatch(/test .*judge a table of cases(.|\n)*explain .*tell why/);
  expect(cases.stdout).toMatch(/<folder>(.|\n)*--cases <file>(.|\n)*totalBandwidthMbps(.|\n)*Exit status/);
  expect(request.stdout).toMatch(/<folder>(.|\n)*--request <file>(.|\n)*Exit status/);
  expect([both, cases, request].map(({ code }) => code)).toEqual([0, 0, 0]);
});
