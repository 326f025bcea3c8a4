import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { promisify } from "node:util";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { buildGuest, type Guest } from "../../../examples/lab/guest/build.ts";
import { findKernel } from "../../../examples/lab/guest/kernel.ts";
import { resolveModules } from "../../../examples/lab/guest/modules.ts";

const exec = promisify(execFile);
const MIB = 2 ** 20;
let directory = "";

beforeAll(async () => {
  directory = await mkdtemp(path.join(tmpdir(), "guest-build-"));
});
afterAll(() => rm(directory, { recursive: true, force: true }));

test("builds a guest whose disk holds 64 MiB of incompressible data", async () => {
  const guest = await buildGuest(path.join(directory, "image"));

  const { stdout } = await exec("qemu-img", ["info", "--output=json", guest.disk]);
  const info = z
    .object({ format: z.string(), "virtual-size": z.number(), "actual-size": z.number() })
    .parse(JSON.parse(stdout));
  expect(info.format).toBe("qcow2");
  expect(info["virtual-size"]).toBe(1024 * MIB);
  expect(info["actual-size"]).toBeGreaterThan(64 * MIB);
  expect(info["actual-size"]).toBeLessThan(80 * MIB);
  expect((await readFile(guest.initrd)).subarray(0, 6).toString()).toBe("070701");
  expect(await readdir(path.join(directory, "image"))).toHaveLength(4);
});

test("builds again only when something is missing", async () => {
  const home = path.join(directory, "image");
  const first = await buildGuest(home);
  const builtAt = (await stat(first.initrd)).mtimeMs;

  await buildGuest(home);
  expect((await stat(first.initrd)).mtimeMs).toBe(builtAt);

  await rm(first.disk);
  await buildGuest(home);
  expect((await stat(first.initrd)).mtimeMs).toBeGreaterThan(builtAt);
  expect((await stat(first.disk)).size).toBeGreaterThan(64 * MIB);
});

test("may be built by two at once, and what one of them uses is not replaced under it", async () => {
  const home = path.join(directory, "shared");
  const inodes = async ({ kernel, initrd, disk }: Guest) =>
    await Promise.all([kernel, initrd, disk].map(async (file) => (await stat(file)).ino));
  const build = async () => {
    const guest = await buildGuest(home);
    return [guest, await inodes(guest)] as const;
  };
  const [[guest, first], [, second]] = await Promise.all([build(), build()]);
  expect(first).toEqual(second);
  expect(await inodes(guest)).toEqual(first);
  expect(await readdir(home)).toHaveLength(4);
});

test("puts each module after those it needs", async () => {
  const kernel = await findKernel();
  const names = (await resolveModules(kernel.modules, ["virtio_pci", "virtio_net"])).map((module) => module.name);

  expect(new Set(names).size).toBe(names.length);
  for (const [earlier, later] of [
    ["virtio_ring.ko", "virtio.ko"],
    ["virtio.ko", "virtio_pci.ko"],
    ["failover.ko", "net_failover.ko"],
    ["net_failover.ko", "virtio_net.ko"],
  ]) {
    expect(names.indexOf(earlier ?? "")).toBeLessThan(names.indexOf(later ?? ""));
  }
});

test("follows soft dependencies, skips what is built in and unpacks compressed modules", async () => {
  const modules = path.join(directory, "modules");
  await mkdir(path.join(modules, "kernel"), { recursive: true });
  await writeFile(path.join(modules, "modules.builtin"), "kernel/crypto/crc32c_generic.ko\n");
  await writeFile(path.join(modules, "modules.softdep"), "# a comment\nsoftdep libcrc32c pre: fast-crc crc32c\n");
  const lines = ["ext4.ko.xz: kernel/libcrc32c.ko.zst", "libcrc32c.ko.zst:", "fast_crc.ko.gz:"];
  await writeFile(path.join(modules, "modules.dep"), lines.map((line) => `kernel/${line}\n`).join(""));
  await writeFile(path.join(modules, "kernel/ext4.ko"), "ext4");
  await writeFile(path.join(modules, "kernel/libcrc32c.ko"), "crc");
  await exec("xz", [path.join(modules, "kernel/ext4.ko")]);
  await exec("zstd", ["-q", "--rm", path.join(modules, "kernel/libcrc32c.ko")]);
  await writeFile(path.join(modules, "kernel/fast_crc.ko.gz"), gzipSync("fast"));

  const found = await resolveModules(modules, ["ext4", "crc32c-generic"]);

  expect(found.map(({ name, content }) => [name, content.toString()])).toEqual([
    ["fast_crc.ko", "fast"],
    ["libcrc32c.ko", "crc"],
    ["ext4.ko", "ext4"],
  ]);
  await expect(resolveModules(modules, ["virtio_blk"])).rejects.toMatchObject({ code: "host.prerequisite-missing" });
});
