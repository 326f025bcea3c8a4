import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

/** What is being tested: the commit, and a digest of all that moves VMs, so that results outlive a changed sentence elsewhere. */
export async function revision(): Promise<{ readonly commit: string; readonly digest: string }> {
  const commit = (await run(["git", "rev-parse", "HEAD"], { cwd: REPOSITORY })).trim();
  const folder = join(REPOSITORY, "provider");
  const names = (await readdir(folder, { recursive: true })).filter((name) => /\.(ts|py)$/.test(name)).sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name}\n`).update(await readFile(join(folder, name)));
  return { commit, digest: hash.digest("hex").slice(0, 16) };
}
