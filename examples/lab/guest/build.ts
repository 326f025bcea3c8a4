import { createHash } from "node:crypto";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import path from "node:path";
import { makeDisk, SEEDED } from "./disk.ts";
import { findKernel, type Kernel } from "./kernel.ts";
import { resolveModules } from "./modules.ts";
import { run } from "./run.ts";

/**
 * What the guest's kernel is started with. `address` (CIDR), `gateway`, `mtu` and `MB` (MiB of noise that fill its
 * memory) may be appended: the guest takes 10.1.1.2/24, 10.1.1.1, 1400 and 100 without them.
 */
export const GUEST_COMMAND_LINE = "console=ttyS0 quiet tsc=reliable mitigations=off";

/** The guest's files, as absolute paths. */
export interface Guest {
  readonly kernel: string;
  readonly initrd: string;
  /** qcow2, 1 GiB, with 64 MiB of data. An original: run the guest on a copy of it. */
  readonly disk: string;
}

const HERE = import.meta.dirname;
const BUSYBOX = "/bin/busybox";
const MODULES = ["virtio_pci", "virtio_blk", "virtio_net", "ext4"];

/**
 * Builds the lab's guest into a directory (made if absent), or returns what is there if it was built from the same
 * sources, kernel and busybox.
 *
 * @throws TurntableError `host.prerequisite-missing` or `host.command-failed`, saying what to install
 */
export async function buildGuest(directory: string): Promise<Guest> {
  const home = path.resolve(directory);
  const guest = {
    kernel: path.join(home, "vmlinuz"),
    initrd: path.join(home, "initrd.cpio"),
    disk: path.join(home, "disk.qcow2"),
  };
  const kernel = await findKernel();
  const digestFile = path.join(home, "guest.sha256");
  const digest = await digestOf(kernel);
  if (await isBuilt(guest, digestFile, digest)) return guest;

  await mkdir(home, { recursive: true });
  const scratch = await mkdtemp(path.join(home, "building-"));
  try {
    const fresh = (file: string) => path.join(scratch, path.basename(file));
    await copyFile(kernel.image, fresh(guest.kernel));
    await makeInitrd(kernel, fresh(guest.initrd), scratch);
    await makeDisk(fresh(guest.disk), scratch);
    // Who built the same meanwhile may be using it already: it is not replaced under them.
    if (await isBuilt(guest, digestFile, digest)) return guest;
    await rm(digestFile, { force: true });
    for (const file of Object.values(guest)) await rename(fresh(file), file);
    // Last, and whole, so that a build that was cut short is done again.
    await writeFile(fresh(digestFile), digest);
    await rename(fresh(digestFile), digestFile);
  } finally {
    await rm(scratch, { recursive: true, force: true });
  }
  return guest;
}

async function makeInitrd(kernel: Kernel, target: string, scratch: string): Promise<void> {
  const root = path.join(scratch, "initrd-root");
  for (const folder of ["bin", "sbin", "modules"]) await mkdir(path.join(root, folder), { recursive: true });
  await copyFile(BUSYBOX, path.join(root, "bin/busybox"));
  await copyFile(path.join(HERE, "init"), path.join(root, "init"));
  await chmod(path.join(root, "init"), 0o755);
  const modules = await resolveModules(kernel.modules, MODULES);
  for (const module of modules) await writeFile(path.join(root, "modules", module.name), module.content);
  await writeFile(path.join(root, "modules/order"), modules.map((module) => `${module.name}\n`).join(""));
  const sources = (await sourceFiles()).filter((file) => file.endsWith(".c"));
  const application = path.join(root, "sbin/application");
  const seeded = [`-DSEEDED_FILES=${SEEDED.files}`, `-DSEEDED_MIB=${SEEDED.mib}`];
  const options = ["-O2", "-s", "-static", "-pthread", "-Wall", "-Wextra", ...seeded];
  await run("gcc", [...options, "-o", application, ...sources]);
  const entries = await readdir(root, { recursive: true });
  // Uncompressed: an emulated processor takes longer to unpack it than QEMU to hand it over.
  const archive = await run("cpio", ["--quiet", "-o", "-H", "newc", "-R", "0:0"], {
    directory: root,
    input: entries.sort().join("\n"),
  });
  await writeFile(target, archive);
}

/** Everything in this folder that ends up in the guest or decides how. */
async function sourceFiles(): Promise<string[]> {
  const names = await readdir(HERE, { recursive: true });
  return names
    .filter((name) => /\.(c|h|ts)$|^init$/.test(name))
    .sort()
    .map((name) => path.join(HERE, name));
}

async function digestOf(kernel: Kernel): Promise<string> {
  const hash = createHash("sha256").update(kernel.version);
  for (const file of [BUSYBOX, kernel.image, ...(await sourceFiles())]) {
    hash.update(`\n${path.basename(file)}\n`).update(await readFile(file));
  }
  return hash.digest("hex");
}

async function isBuilt(guest: Guest, digestFile: string, digest: string): Promise<boolean> {
  try {
    for (const file of Object.values(guest)) await stat(file);
    return (await readFile(digestFile, "utf8")) === digest;
  } catch {
    return false;
  }
}
