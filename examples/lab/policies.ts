import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { readIfThere, writeAtomically } from "./files.ts";
import { type DomainKey, domainName, type Lab } from "./layout.ts";
import type { Piece } from "./piece.ts";

/** Where a domain's agent looks for its policies. */
export function policyFolder(lab: Lab, domain: DomainKey): string {
  return lab.path("domains", domain, "policies");
}

/** What a domain permits: a copy of what this folder has for it, which the running agent takes as it changes. */
export function policiesPiece(lab: Lab, domain: DomainKey): Piece {
  const source = join(import.meta.dirname, "policies", domain);
  const folder = policyFolder(lab, domain);
  return {
    name: `policies, ${domainName(domain)}`,
    purpose: `${folder} tells what ${domain}'s agent permits`,
    async inspect() {
      const [wanted, there] = await Promise.all([filesIn(source), filesIn(folder)]);
      const differing = [...new Set([...wanted.keys(), ...there.keys()])].filter(
        (name) => wanted.get(name) !== there.get(name),
      );
      return differing.length === 0 ? undefined : `${differing.join(", ")} differ`;
    },
    async make() {
      const wanted = await filesIn(source);
      for (const [name, text] of wanted) await writeAtomically(join(folder, name), text ?? "");
      for (const name of (await filesIn(folder)).keys()) if (!wanted.has(name)) await rm(join(folder, name));
    },
  };
}

async function filesIn(folder: string): Promise<ReadonlyMap<string, string | undefined>> {
  const names = await readdir(folder).catch(() => []);
  return new Map(await Promise.all(names.map(async (name) => [name, await readIfThere(join(folder, name))] as const)));
}
