import { readdir, readFile } from "node:fs/promises";
import { extname, join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { pack, type Tarball } from "./tarball.ts";

/** The switchover's model and its page are for whoever changes the code. */
const MODEL = new Set([".pml", ".md"]);

let tarball: Tarball;

beforeAll(async () => {
  tarball = await pack();
}, 120_000);
afterAll(() => tarball?.dispose());

test("the package holds what was built, its papers and nothing else", async () => {
  const sources = (await Promise.all(["provider", "sdk"].map(filesBelow))).flat();
  const built = sources.flatMap((path) => {
    const name = `dist/${path.slice(0, -extname(path).length)}`;
    if (path.endsWith("tsconfig.json") || MODEL.has(extname(path))) return [];
    return extname(path) === ".ts" ? [`${name}.js`, `${name}.d.ts`] : [`dist/${path}`];
  });
  expect(built.length).toBeGreaterThan(100);
  const expected = [...built, "CHANGELOG.md", "LICENSE", "README.md", "package.json"].sort();
  expect(tarball.paths).toEqual(expected);
});

test("what package.json points to is there", async () => {
  const target = z.string().startsWith("./");
  const { main, types, bin, exports } = z
    .object({
      main: target,
      types: target,
      bin: z.record(z.string(), target),
      exports: z.record(z.string(), z.union([target, z.record(z.string(), target)])),
    })
    .parse(JSON.parse(await readFile(join(REPOSITORY, "package.json"), "utf8")));
  const doors = Object.values(exports).flatMap((door) => (typeof door === "string" ? [door] : Object.values(door)));
  for (const file of [main, types, ...Object.values(bin), ...doors]) expect(tarball.paths).toContain(file.slice(2));
});

test("no secret, and no path of this machine, is in a file of it", async () => {
  const text = await run(["tar", "--extract", "--to-stdout", "--gzip", "--file", tarball.file]);
  expect(text).toContain("export async function dispatch");
  expect(text).not.toMatch(/-----BEGIN [A-Z ]*PRIVATE KEY-----\n[\w+/]{20}/);
  expect(text).not.toMatch(/"d": ?"[\w-]{43}"/);
  expect(text).not.toContain(`${REPOSITORY}/`);
});

/** Paths relative to the repository. */
async function filesBelow(folder: string): Promise<string[]> {
  const entries = await readdir(join(REPOSITORY, folder), { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  return files.map(({ parentPath, name }) => join(parentPath, name).slice(REPOSITORY.length + 1));
}
