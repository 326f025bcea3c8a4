import { readFile } from "node:fs/promises";
import path from "node:path";
import { expect, test } from "vitest";
import { z } from "zod";

const lock = z.object({
  packages: z.record(
    z.string(),
    z.object({ optionalDependencies: z.record(z.string(), z.string()).optional(), resolved: z.string().optional() }),
  ),
});

const { packages } = lock.parse(
  JSON.parse(await readFile(path.resolve(import.meta.dirname, "../../package-lock.json"), "utf8")),
);

/** Every place where npm looks for a dependency of the package at `from`: its own node_modules, then those above. */
function placesOf(from: string, name: string): string[] {
  const folders = from.split("/node_modules/");
  const above = folders.map((_, depth) => folders.slice(0, folders.length - depth).join("/node_modules/"));
  return [...above.map((folder) => `${folder}/node_modules/${name}`), `node_modules/${name}`];
}

test("the lock has every platform's binaries, or `npm ci` refuses it", () => {
  const missing = Object.entries(packages).flatMap(([from, { optionalDependencies = {} }]) =>
    Object.keys(optionalDependencies).filter((name) => !placesOf(from, name).some((place) => place in packages)),
  );
  expect(missing).toEqual([]);
});

test("the lock works with any registry: it names none", () => {
  const named = Object.values(packages).filter(({ resolved = "" }) => resolved.includes("://"));
  expect(named).toEqual([]);
});
