import { createHash } from "node:crypto";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";

/** The folders of provider/ whose code moves VMs: all but what domains, reports and Pulumi's own side are made of. */
const MOVING = ["controller", "host", "hypervisor", "lightpath", "tunnel"];
/** Of these, what no cell goes over: paths of other kinds than the matrix's. */
const ELSEWHERE = /^lightpath\/(nsi|oscars|fixed)\//;

/** What is being tested: the commit, and a digest of all that moves VMs, so that results outlive a changed sentence elsewhere. */
export async function revision(): Promise<{ readonly commit: string; readonly digest: string }> {
  const commit = (await run(["git", "rev-parse", "HEAD"], { cwd: REPOSITORY })).trim();
  const folder = join(REPOSITORY, "provider");
  const all = await Promise.all(
    MOVING.map(async (part) =>
      (await readdir(join(folder, part), { recursive: true })).map((name) => join(part, name)),
    ),
  );
  const names = all
    .flat()
    .filter((name) => /\.(ts|py)$/.test(name) && !ELSEWHERE.test(name))
    .sort();
  const hash = createHash("sha256");
  for (const name of names) hash.update(`${name}\n`).update(await readFile(join(folder, name)));
  return { commit, digest: hash.digest("hex").slice(0, 16) };
}
