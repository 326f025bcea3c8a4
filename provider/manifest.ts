import { createRequire } from "node:module";
import { z } from "zod";
import { TurntableError } from "./errors.ts";

const manifest = z
  .object({ version: z.string(), engines: z.object({ node: z.templateLiteral([">=", z.int()]) }) })
  .parse(createRequire(import.meta.url)("pulumi-turntable/package.json"));

/** The package's version, as package.json has it. */
export const VERSION = manifest.version;

/** Throws host.prerequisite-missing on a Node that is older than package.json asks for. */
export function requireNode(): void {
  const { node } = process.versions;
  const minimum = Number(manifest.engines.node.slice(2));
  if (Number.parseInt(node, 10) >= minimum) return;
  throw new TurntableError("host.prerequisite-missing", `pulumi-turntable needs Node ${minimum}, and this is ${node}`, {
    retry: "never",
    next: `Put Node ${minimum} or newer first on PATH.`,
  });
}
