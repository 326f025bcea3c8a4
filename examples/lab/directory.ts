import { mkdir, readdir, rm } from "node:fs/promises";
import { TurntableError } from "../../provider/errors.ts";
import { run } from "./command.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import { type Lab, SERVERS } from "./layout.ts";
import { mountPoints } from "./mounts.ts";
import type { Piece } from "./piece.ts";

const FOLDERS = ["run", "log", "images", "pulumi", "pulumi-home"];

/** The lab's directory. A mark in it says that it is a lab's, since `down` removes it with all that it holds. */
export function directoryPiece(lab: Lab): Piece {
  const { directory } = lab.description;
  const folders = [...FOLDERS.map((name) => lab.path(name)), ...SERVERS.map(lab.storage)];
  return {
    name: "directory",
    purpose: `${directory} holds all that the lab writes: keys, sites' storage, logs`,
    async inspect() {
      if (!(await isMarked(lab))) return "not there";
      const present = await Promise.all(folders.map((folder) => readdir(folder).catch(() => undefined)));
      return present.includes(undefined) ? "incomplete" : undefined;
    },
    async make() {
      if (!(await isMarked(lab))) {
        await refuseForeign(directory, await namesIn(directory));
        await mkdir(directory, { recursive: true, mode: 0o700 });
        await writeAtomically(
          markFile(lab),
          "Made by the Turntable lab; `npm run lab -- down` removes this directory.\n",
        );
      }
      for (const folder of folders) await mkdir(folder, { recursive: true, mode: 0o700 });
    },
  };
}

/** Unmounts what is mounted below the lab's directory, and removes it. Refuses a directory that no lab made. */
export async function removeDirectory(lab: Lab): Promise<void> {
  const { directory } = lab.description;
  const names = await namesIn(directory);
  if (names === undefined) return;
  if (!(await isMarked(lab))) await refuseForeign(directory, names);
  for (const point of await mountsBelow(directory)) await run(["umount", point]);
  // The mark goes last, so that a removal that was cut short can be taken up again.
  for (const name of names) if (name !== MARK) await rm(lab.path(name), { recursive: true, force: true });
  await rm(directory, { recursive: true, force: true });
}

const MARK = ".turntable-lab";

function markFile(lab: Lab): string {
  return lab.path(MARK);
}

async function isMarked(lab: Lab): Promise<boolean> {
  return (await readIfThere(markFile(lab))) !== undefined;
}

function namesIn(directory: string): Promise<readonly string[] | undefined> {
  return readdir(directory).catch(() => undefined);
}

async function refuseForeign(directory: string, names: readonly string[] | undefined): Promise<void> {
  if (names === undefined || names.length === 0) return;
  throw new TurntableError("input.invalid", `${directory} is not empty and was not made by a lab`, {
    retry: "never",
    next: "Name another `directory` in the lab's description, or empty this one.",
  });
}

async function mountsBelow(directory: string): Promise<readonly string[]> {
  const points = (await mountPoints()).filter((point) => point.startsWith(`${directory}/`));
  return points.reverse();
}
