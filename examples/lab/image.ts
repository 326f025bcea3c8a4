import { stat } from "node:fs/promises";
import { z } from "zod";
import { readIfThere, writeAtomically } from "./files.ts";
import { buildGuest, type Guest } from "./guest/build.ts";
import type { Lab } from "./layout.ts";
import type { Piece } from "./piece.ts";

const guestRecord = z.strictObject({ kernel: z.string(), initrd: z.string(), disk: z.string() });

/** The guest's kernel, initial ramdisk and original disk. Kept as long as the lab: a running guest must find the same at both sites. */
export function imagePiece(lab: Lab): Piece {
  return {
    name: "guest",
    purpose: "a small Linux with a data disk and an application to watch; the same files serve both sites",
    async inspect() {
      const guest = await readGuest(lab);
      if (guest === undefined) return "not built";
      const present = await Promise.all(Object.values(guest).map((file) => stat(file).catch(() => undefined)));
      return present.includes(undefined) ? "incomplete" : undefined;
    },
    async make() {
      await writeAtomically(recordFile(lab), JSON.stringify(await buildGuest(lab.path("images"))));
    },
  };
}

/** Where the guest's files are; undefined until they are built. */
export async function readGuest(lab: Lab): Promise<Guest | undefined> {
  const text = await readIfThere(recordFile(lab));
  return text === undefined ? undefined : guestRecord.parse(JSON.parse(text));
}

function recordFile(lab: Lab): string {
  return lab.path("images", "guest.json");
}
