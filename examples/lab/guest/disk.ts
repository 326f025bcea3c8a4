import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./run.ts";

/** Virtual size of the guest's disk. */
export const DISK_MIB = 1024;
/** What the disk comes with: files of noise that belong to the seeds from 0 on. */
export const SEEDED = { files: 4, mib: 16 } as const;
const MIB = 2 ** 20;

/**
 * Makes a qcow2 with an ext4 file system that holds, in /seeded, 64 MiB that do not compress.
 * The same bytes come out each time, and the guest's application knows them.
 *
 * @param target absolute path of the image
 * @param scratch an existing directory for what lies between
 */
export async function makeDisk(target: string, scratch: string): Promise<void> {
  const root = path.join(scratch, "disk-root");
  const raw = path.join(scratch, "disk.raw");
  await mkdir(path.join(root, "seeded"), { recursive: true });
  for (let seed = 0; seed < SEEDED.files; seed++) {
    const content = Array.from({ length: SEEDED.mib }, (_, index) => noise(BigInt(seed * 1_000_003 + index)));
    await writeFile(path.join(root, "seeded", `${seed}.bin`), Buffer.concat(content));
  }
  await writeFile(raw, "");
  await truncate(raw, DISK_MIB * MIB);
  // No lazy initialisation: the guest's kernel would go on writing to the disk behind our back for minutes.
  await run("mkfs.ext4", [
    "-q",
    "-F",
    "-E",
    "lazy_itable_init=0,lazy_journal_init=0",
    "-J",
    "size=16",
    "-d",
    root,
    raw,
  ]);
  await run("qemu-img", ["convert", "-f", "raw", "-O", "qcow2", raw, target]);
  await rm(root, { recursive: true });
  await rm(raw);
}

/** One MiB of what belongs to a seed, as the application's noise.h makes it. */
function noise(seed: bigint): Uint8Array {
  const words = new BigUint64Array(MIB / 8);
  let state = BigInt.asUintN(64, (seed + 1n) * 0x9e3779b97f4a7c15n) | 1n;
  for (let index = 0; index < words.length; index++) {
    state ^= BigInt.asUintN(64, state << 13n);
    state ^= state >> 7n;
    state ^= BigInt.asUintN(64, state << 17n);
    words[index] = state;
  }
  return new Uint8Array(words.buffer);
}
