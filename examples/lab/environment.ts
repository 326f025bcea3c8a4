import { existsSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { keyFiles } from "./keys.ts";
import { type Lab, REPOSITORY } from "./layout.ts";
import { inventoryFile } from "./publish.ts";

/** What a shell needs for plain `pulumi up`. PATH begins with this repository's programs and goes on with the present one. */
export function shellEnvironment(lab: Lab): Readonly<Record<string, string>> {
  const { stack } = lab.description;
  return {
    PATH: [...programFolders(), process.env.PATH ?? ""].join(":"),
    TURNTABLE_LAB: inventoryFile(lab),
    PULUMI_BACKEND_URL: `file://${lab.path("pulumi")}`,
    PULUMI_HOME: lab.path("pulumi-home"),
    PULUMI_CONFIG_PASSPHRASE_FILE: keyFiles(lab).passphrase,
    PULUMI_SKIP_UPDATE_CHECK: "1",
    // Each command starts Node twice: what was compiled once need not be again.
    NODE_COMPILE_CACHE: lab.path("pulumi-home", "node"),
    ...(stack === undefined ? {} : { PULUMI_STACK: stack }),
  };
}

/** The same as commands for a shell to `eval`; every value is quoted, and PATH is put before the shell's own. */
export function shellExports(lab: Lab): string {
  const { PATH: _, ...variables } = shellEnvironment(lab);
  const lines = Object.entries(variables).map(([name, value]) => `export ${name}=${quote(value)}`);
  return [
    `export PATH=${quote(programFolders().join(":"))}:"$PATH"`,
    // It would win over the lab's passphrase file.
    "unset PULUMI_CONFIG_PASSPHRASE",
    ...lines,
  ].join("\n");
}

function programFolders(): readonly string[] {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const pulumi = join(cache, "turntable", "pulumi", "bin");
  return [join(REPOSITORY, "node_modules", ".bin"), ...(existsSync(pulumi) ? [pulumi] : [])];
}

function quote(value: string): string {
  return `'${value.replaceAll("'", "'\\''")}'`;
}
