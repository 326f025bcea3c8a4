import { existsSync } from "node:fs";
import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { run } from "./command.ts";
import { shellEnvironment } from "./environment.ts";
import { readIfThere } from "./files.ts";
import { CALLER_ID, keyFiles } from "./keys.ts";
import { type Lab, REPOSITORY } from "./layout.ts";
import type { Piece } from "./piece.ts";

/** The Pulumi stack at the repository's root, in a backend below the lab's directory, knowing where the lab's credentials are. */
export function stackPiece(lab: Lab, stack: string): Piece {
  const keys = keyFiles(lab);
  const settings = [
    ["turntable:sshKeyFile", keys.controller],
    ["turntable:callerId", CALLER_ID],
    ["turntable:callerKeyFile", keys.caller],
  ] as const;
  const { PULUMI_CONFIG_PASSPHRASE: _, ...inherited } = process.env;
  const env = { ...inherited, ...shellEnvironment(lab) };
  const pulumi = (...args: readonly string[]): Promise<string> =>
    run(["pulumi", ...args, "--stack", stack, "--non-interactive"], { cwd: REPOSITORY, env });
  return {
    name: "Pulumi stack",
    purpose: `stack ${stack}, its state in ${lab.path("pulumi")}, so that plain \`pulumi up\` works at the repository's root`,
    async inspect() {
      if (!(await hasState(lab, stack))) return "not there";
      const config = (await readIfThere(configFile(stack))) ?? "";
      const unset = settings.filter(([key, value]) => !config.includes(`${key}: ${value}\n`));
      return unset.length === 0 ? undefined : `not configured: ${unset.map(([key]) => key).join(", ")}`;
    },
    async make() {
      if (!(await hasState(lab, stack))) {
        // A configuration left by an earlier lab was salted for another passphrase.
        await rm(configFile(stack), { force: true });
        await pulumi("stack", "init");
      }
      await pulumi("config", "set-all", ...settings.flatMap(([key, value]) => ["--plaintext", `${key}=${value}`]));
    },
  };
}

/** Why a stack cannot be prepared, if it cannot: the lab is of use without one. */
export function stackObstacle(lab: Lab): string | undefined {
  if (!existsSync(join(REPOSITORY, "Pulumi.yaml"))) return `there is no Pulumi.yaml in ${REPOSITORY}`;
  const folders = (shellEnvironment(lab).PATH ?? "").split(":");
  return folders.some((folder) => existsSync(join(folder, "pulumi"))) ? undefined : "the Pulumi CLI is not installed";
}

export async function removeStackConfiguration(stack: string): Promise<void> {
  await rm(configFile(stack), { force: true });
}

function configFile(stack: string): string {
  return join(REPOSITORY, `Pulumi.${stack}.yaml`);
}

/** The file backend keeps a stack as `.pulumi/stacks/<project>/<stack>.json`. */
async function hasState(lab: Lab, stack: string): Promise<boolean> {
  const stacks = lab.path("pulumi", ".pulumi", "stacks");
  const projects = await readdir(stacks).catch(() => []);
  return projects.some((project) => existsSync(join(stacks, project, `${stack}.json`)));
}
