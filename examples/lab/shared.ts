import { existsSync } from "node:fs";
import { mkdir, readdir, readFile, rm, rmdir } from "node:fs/promises";
import { join } from "node:path";
import { TurntableError } from "../../provider/errors.ts";
import { alone } from "./alone.ts";
import { attempt } from "./command.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import type { Lab } from "./layout.ts";
import { mountPoints } from "./mounts.ts";
import { listNamespaces } from "./network.ts";
import type { Piece } from "./piece.ts";

/** Where labs note that they are up and what they share; gone with the last of them. */
const REGISTER = "/run/turntable-labs";
const UP = join(REGISTER, "up");
const MADE = join(REGISTER, "made");
/** sshd's empty folder for privilege separation, and the folder in which iproute2 names namespaces (a mount of its own). */
const SSHD_FOLDER = "/run/sshd";
const NAMES_FOLDER = "/run/netns";

/** What the machine's programs want to have in /run: labs make it once, and the last one that goes takes it away. */
export function sharedPiece(lab: Lab): Piece {
  const entry = join(UP, lab.description.name);
  return {
    name: "shared folders",
    purpose: `${SSHD_FOLDER} for sshd, ${NAMES_FOLDER} for namespaces; what was not there before is removed at the end`,
    async inspect() {
      await refuseTakenName(lab);
      return existsSync(entry) && existsSync(SSHD_FOLDER) ? undefined : "not there";
    },
    make: () =>
      alone(async () => {
        if (!existsSync(NAMES_FOLDER)) await writeAtomically(join(MADE, "netns"), "");
        if (!(await isMounted(NAMES_FOLDER))) await writeAtomically(join(MADE, "netns-mount"), "");
        if (!existsSync(SSHD_FOLDER)) {
          await writeAtomically(join(MADE, "sshd"), "");
          await mkdir(SSHD_FOLDER, { mode: 0o755 });
        }
        await writeAtomically(entry, lab.description.directory);
      }),
  };
}

/** Takes this lab off the register and, if it was the last, removes what labs had made in /run and nobody else uses. */
export function leaveShared(lab: Lab): Promise<void> {
  return alone(() => leave(lab));
}

async function leave(lab: Lab): Promise<void> {
  await rm(join(UP, lab.description.name), { force: true });
  if (!existsSync(REGISTER) || (await readdir(UP)).length > 0) return;
  const made = await readdir(MADE).catch((): string[] => []);
  if (made.includes("sshd") && !(await isSshdRunning())) await rmdir(SSHD_FOLDER);
  if ((await listNamespaces()).size === 0) {
    if (made.includes("netns-mount")) await attempt(["umount", NAMES_FOLDER]);
    if (made.includes("netns")) await rmdir(NAMES_FOLDER);
  }
  await rm(REGISTER, { recursive: true, force: true });
}

/** iproute2 mounts its folder onto itself with the first namespace. */
async function isMounted(folder: string): Promise<boolean> {
  return (await mountPoints()).includes(folder);
}

/** Any ssh server of the machine: each new connection needs the folder. */
async function isSshdRunning(): Promise<boolean> {
  const pids = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
  const stats = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/stat`, "utf8").catch(() => "")));
  return stats.some((stat) => /^\d+ \(sshd[^)]*\) [^ZX]/.test(stat));
}

/** Throws input.invalid if another lab is up under this one's name: the namespaces would be the other's. */
export async function refuseTakenName(lab: Lab): Promise<void> {
  const { name, directory } = lab.description;
  const owner = await readIfThere(join(UP, name));
  if (owner === undefined || owner === directory) return;
  throw new TurntableError("input.invalid", `a lab named ${name} is up already, in ${owner}`, {
    retry: "never",
    next: "Take that one down, or give this one another `name` and other `ports` in its description.",
  });
}
