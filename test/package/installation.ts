import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { z } from "zod";
import { attempt } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

const lock = z.looseObject({
  lockfileVersion: z.literal(3),
  packages: z.record(z.string(), z.looseObject({ link: z.boolean().optional(), version: z.string().optional() })),
});

/** What Pulumi's template for TypeScript brings. */
const TEMPLATE = ["typescript", "@types/node"] as const;

/** A folder outside the repository where a user has run `npm i`. */
export interface Installation {
  readonly folder: string;
  dispose(): Promise<void>;
}

/**
 * Installs a tarball as a user would. A lock with the versions that the repository has is there before, so that no
 * registry need be asked for newer ones; what the package does not depend on is not installed.
 */
export async function install(tarball: string): Promise<Installation> {
  const folder = await mkdtemp(join(tmpdir(), "turntable-outside-"));
  const dispose = () => rm(folder, { recursive: true });
  try {
    await installIn(folder, tarball);
    return { folder, dispose };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

async function installIn(folder: string, tarball: string): Promise<void> {
  const { lockfileVersion, packages } = lock.parse(
    JSON.parse(await readFile(join(REPOSITORY, "package-lock.json"), "utf8")),
  );
  const fromRegistry = Object.entries(packages).filter(([path, { link }]) => path.startsWith("node_modules/") && !link);
  const root = {
    private: true,
    devDependencies: Object.fromEntries(TEMPLATE.map((name) => [name, packages[`node_modules/${name}`]?.version])),
  };
  const write = (name: string, content: unknown) => writeFile(join(folder, name), JSON.stringify(content));
  await write("package.json", root);
  await write("package-lock.json", { lockfileVersion, packages: { "": root, ...Object.fromEntries(fromRegistry) } });
  const options = ["--prefer-offline", "--ignore-scripts", "--no-audit", "--no-fund"];
  const { code, stderr } = await attempt(["npm", "install", ...options, tarball], { cwd: folder });
  if (code !== 0) throw new Error(`npm install ended with ${code}: ${stderr}`);
}
