import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Traveller } from "./traveller.ts";

const run = promisify(execFile);
const SEEDED_BYTES = 64 * 2 ** 20;
const FILE_MIB = 5;
const FILE_BYTES = FILE_MIB * 2 ** 20;
/** With those before. */
const TEN_TRIPS = 10;
const LAYERS = ["data.live.qcow2", "data.qcow2"];

let traveller: Traveller;

beforeAll(async () => {
  traveller = await Traveller.begin("delta");
}, 120_000);
afterAll(async () => traveller?.end());

test("a first trip sends what is allocated, and no more", async () => {
  const { onto, diskBytes } = await traveller.trip();
  expect(onto).toBe("nothing");
  expect(diskBytes).toBeGreaterThan(SEEDED_BYTES);
  expect(diskBytes).toBeLessThan(1.2 * SEEDED_BYTES);
  expect(await traveller.takenBytes(traveller.source)).toBeLessThan(1.2 * SEEDED_BYTES);
  expect(await traveller.chain()).toEqual(LAYERS);
  const { destination } = traveller;
  expect(await qemu.observe(destination)).toEqual({ kind: "replica", generation: "move-2" });
  expect(await destination.host.list(destination.directory)).toEqual(["data.qcow2", "replica.json"]);
}, 90_000);

test("a return trip with nothing changed costs next to nothing", async () => {
  const { onto, diskBytes } = await traveller.trip();
  expect(onto).toBe("replica");
  expect(diskBytes).toBeLessThanOrEqual(2e6);
  expect(await traveller.chain()).toEqual(LAYERS);
}, 90_000);

test("a return trip costs what changed, which arrives whole", async () => {
  await traveller.guest((control) => control.write(7, FILE_MIB));
  const { onto, diskBytes } = await traveller.trip();
  expect(onto).toBe("replica");
  expect(diskBytes).toBeGreaterThan(FILE_BYTES);
  expect(diskBytes).toBeLessThanOrEqual(1.2 * FILE_BYTES + 2e6);
  await traveller.guest(async (control) => {
    await control.check(7, FILE_MIB);
    await control.verify();
  });
}, 90_000);

/** What the host has to read for the guest to read the same blocks, past its cache. */
async function readCost(): Promise<number> {
  return await traveller.guest(async (control) => {
    const before = await traveller.readBytes();
    await control.check(7, FILE_MIB);
    return (await traveller.readBytes()) - before;
  });
}

test("however often it moves, a chain is no longer, a disk no larger, and reading it costs no more", async () => {
  const before = {
    layers: await traveller.chain(),
    bytes: await traveller.takenBytes(traveller.source),
    read: await readCost(),
  };
  expect(before.read).toBeGreaterThan(FILE_BYTES);
  while (traveller.epoch <= TEN_TRIPS) expect((await traveller.trip()).onto).toBe("replica");
  expect(await traveller.chain()).toEqual(before.layers);
  expect(await traveller.takenBytes(traveller.source)).toBeLessThan(before.bytes + 4e6);
  expect(await readCost()).toBeLessThan(1.1 * before.read);
  expect(traveller.warnings).toEqual([]);
}, 180_000);

test("a replica of which one byte is not what it was is told, and replaced by a full copy", async () => {
  const file = await open(`${traveller.destination.directory}/data.qcow2`, "r+");
  const { size } = await file.stat();
  const at = Math.floor(size / 2);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  await file.close();
  const { onto, diskBytes } = await traveller.trip();
  expect(onto).toBe("nothing");
  expect(diskBytes).toBeGreaterThan(SEEDED_BYTES);
  expect(traveller.warnings.splice(0)).toEqual([
    `the replica at ${traveller.source.site} cannot be used and is replaced by a full copy: disk data is not what it was`,
  ]);
  await traveller.guest((control) => control.check(7, FILE_MIB));
  expect(await traveller.chain()).toEqual(LAYERS);
}, 90_000);

test("a replica of another generation is told, and replaced", async () => {
  const { host, directory } = traveller.destination;
  const replica = { schema: 1, generation: "another-vm", disks: ["data"] };
  await host.writeFile(`${directory}/replica.json`, JSON.stringify(replica));
  expect((await traveller.trip()).onto).toBe("nothing");
  expect(traveller.warnings.splice(0).join()).toMatch(/full copy: it is of another generation/);
  await traveller.guest((control) => control.check(7, FILE_MIB));
}, 90_000);

test("an arrival that is given up leaves the replica that stood there, and it serves the next one", async () => {
  const { source, destination, vm, epoch, hosts } = traveller;
  const onto = await traveller.foundation();
  await qemu.receive(destination, vm, { epoch: epoch + 1, generation: "never", machine: hosts.machine, onto });
  await qemu.remove(destination, vm.name, "replica");
  expect(await destination.host.list(destination.directory)).toEqual(["data.qcow2", "replica.json"]);
  await expect(qemu.remove(source, vm.name, "replica")).rejects.toMatchObject({ code: "hypervisor.failed" });
  expect((await traveller.trip()).onto).toBe("replica");
  expect(traveller.warnings).toEqual([]);
}, 90_000);

test("disks that shall be kept are whole images", async () => {
  await traveller.guest((control) => control.write(8, 1));
  const { source, vm } = traveller;
  await qemu.remove(source, vm.name, "disks");
  expect(await source.host.list(source.directory)).toEqual(["data.qcow2"]);
  const { stdout } = await run("qemu-img", ["check", `${source.directory}/data.qcow2`]);
  expect(stdout).toMatch(/No errors were found/);
  const info = JSON.parse((await run("qemu-img", ["info", "--output=json", `${source.directory}/data.qcow2`])).stdout);
  expect(info).not.toHaveProperty("backing-filename");
}, 60_000);
