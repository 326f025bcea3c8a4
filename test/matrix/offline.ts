import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { attempt, run } from "../../examples/lab/command.ts";
import type { SiteName } from "../../examples/lab/layout.ts";
import { folderAt, type Setting } from "./scene.ts";

const RECORD_BYTES = 512;
const PLACES = 8192;
const MASK = (1n << 64n) - 1n;

/** What a dead VM's disk holds of its diary. */
export interface Found {
  /** The newest record that is whole. */
  readonly newest: number;
  /** Records up to the newest, one a place, that are not whole. */
  readonly bad: number;
}

/** Reads the diary off the disk of a VM that runs nowhere, at the site that has it. */
export async function readOffline(setting: Setting, site: SiteName): Promise<Found> {
  const folder = await mkdtemp(path.join(tmpdir(), "diary-"));
  try {
    const raw = path.join(folder, "disk.raw");
    const top = `${folderAt(setting, site)}/data.live.qcow2`;
    const base = `${folderAt(setting, site)}/data.qcow2`;
    const layered = (await attempt(["test", "-e", top])).code === 0;
    await run(["qemu-img", "convert", "-U", "-O", "raw", layered ? top : base, raw]);
    await attempt(["e2fsck", "-fy", "-E", "journal_only", raw]);
    const file = path.join(folder, "diary.bin");
    await run(["debugfs", "-R", `dump /diary.bin ${file}`, raw]);
    return judge(await readFile(file));
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

function judge(diary: Buffer): Found {
  const numbers = Array.from({ length: PLACES }, (_, place) => Number(diary.readBigUInt64LE(place * RECORD_BYTES)));
  const newest = Math.max(...numbers.filter((number, place) => number % PLACES === place));
  let bad = 0;
  for (let place = 0; place < PLACES; place++) {
    const wanted = newest - ((newest + PLACES - place) % PLACES);
    if (wanted > 0 && !isRecord(diary.subarray(place * RECORD_BYTES, (place + 1) * RECORD_BYTES), wanted)) bad++;
  }
  return { newest, bad };
}

/** As examples/lab/guest/app writes it: the number, and noise that belongs to it (noise.h). */
function isRecord(found: Buffer, number: number): boolean {
  if (found.readBigUInt64LE(0) !== BigInt(number)) return false;
  let state = (((BigInt(number) + 1n) * 0x9e3779b97f4a7c15n) & MASK) | 1n;
  for (let at = 8; at < RECORD_BYTES; at += 8) {
    state ^= (state << 13n) & MASK;
    state ^= state >> 7n;
    state ^= (state << 17n) & MASK;
    if (found.readBigUInt64LE(at) !== state) return false;
  }
  return true;
}
