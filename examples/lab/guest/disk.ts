import { createCipheriv, createHash } from "node:crypto";
import { mkdir, rm, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { run } from "./run.ts";

/** Virtual size of the guest's disk. */
export const DISK_MIB = 1024;
const FILES = 4;
const FILE_MIB = 16;

/**
 * Makes a qcow2 with an ext4 file system that holds, in /seeded, 64 MiB that do not compress and their SHA256SUMS.
 * The same bytes come out each time.
 *
 * @param target absolute path of the image
 * @param scratch an existing directory for what lies between
 */
export async function makeDisk(target: string, scratch: string): Promise<void> {
  const root = path.join(scratch, "disk-root");
  const raw = path.join(scratch, "disk.raw");
  await mkdir(path.join(root, "seeded"), { recursive: true });
  const sums: string[] = [];
  for (let index = 0; index < FILES; index++) {
    const name = `data-${index}.bin`;
    const content = noise(index, FILE_MIB * 2 ** 20);
    sums.push(`${createHash("sha256").update(content).digest("hex")}  ${name}\n`);
    await writeFile(path.join(root, "seeded", name), content);
  }
  await writeFile(path.join(root, "seeded", "SHA256SUMS"), sums.join(""));
  await writeFile(raw, "");
  await truncate(raw, DISK_MIB * 2 ** 20);
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

/** Pseudo-random bytes that belong to a seed: a cipher's key stream is quick and never compresses. */
function noise(seed: number, bytes: number): Buffer {
  const cipher = createCipheriv(
    "aes-256-ctr",
    createHash("sha256").update(`turntable ${seed}`).digest(),
    Buffer.alloc(16),
  );
  return cipher.update(Buffer.alloc(bytes));
}
