import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { z } from "zod";
import { attempt } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

const packed = z.array(z.object({ filename: z.string(), files: z.array(z.object({ path: z.string() })) })).length(1);

/** The package as npm would publish it. */
export interface Tarball {
  readonly file: string;
  /** Paths in it, sorted. */
  readonly paths: readonly string[];
  dispose(): Promise<void>;
}

/** What lies about in a used working copy, and must not get into the package. */
const STRAY = ["dist/.built", "dist/provider/removed-long-ago.js", "dist/key.jwk", ".env", "Pulumi.dev.yaml"] as const;

/** Packs a copy of the repository: the build that others may be using stays as it is. */
export async function pack(): Promise<Tarball> {
  const folder = await mkdtemp(join(tmpdir(), "turntable-pack-"));
  const dispose = () => rm(folder, { recursive: true });
  try {
    return { ...(await packIn(folder)), dispose };
  } catch (thrown) {
    await dispose();
    throw thrown;
  }
}

async function packIn(folder: string): Promise<Omit<Tarball, "dispose">> {
  const copy = join(folder, "repository");
  // Stacks' configuration comes and goes meanwhile, where other tests run the CLI.
  const left = /^(node_modules|\.git|dist|Pulumi\..+\.yaml)$/;
  await cp(REPOSITORY, copy, { recursive: true, filter: (path) => !left.test(basename(path)) });
  await symlink(join(REPOSITORY, "node_modules"), join(copy, "node_modules"));
  await mkdir(join(copy, "dist", "provider"), { recursive: true });
  for (const path of STRAY) await writeFile(join(copy, path), "stray\n");
  const { code, stdout, stderr } = await attempt(["npm", "pack", "--json"], { cwd: copy });
  const [result] = code === 0 ? packed.parse(JSON.parse(stdout)) : [];
  if (result === undefined) throw new Error(`npm pack ended with ${code}: ${stderr}${stdout}`);
  return {
    file: join(copy, result.filename),
    paths: result.files.map(({ path }) => path).sort(),
  };
}
