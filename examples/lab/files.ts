import { mkdir, readFile, rename, writeFile } from "node:fs/promises";
import { dirname } from "node:path";

/** Writes a file (0600 unless told) by renaming a finished one into place; makes its folder (0700). */
export async function writeAtomically(file: string, content: string, mode = 0o600): Promise<void> {
  await mkdir(dirname(file), { recursive: true, mode: 0o700 });
  const draft = `${file}.new`;
  await writeFile(draft, content, { mode, flush: true });
  await rename(draft, file);
}

/** A file's text, or undefined if there is none. */
export function readIfThere(file: string): Promise<string | undefined> {
  return readFile(file, "utf8").catch(() => undefined);
}
