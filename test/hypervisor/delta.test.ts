import { execFile } from "node:child_process";
import { open } from "node:fs/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { foundation } from "../../provider/controller/replica.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, Place, SendRequest } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const SEEDED_BYTES = 64 * 2 ** 20;
const FILE_MIB = 5;
const FILE_BYTES = FILE_MIB * 2 ** 20;

let hosts: TwoHosts;
let epoch = 1;
let source: Place;
let destination: Place;
const warnings: string[] = [];

beforeAll(async () => {
  hosts = await twoHosts("delta");
  ({ here: source, there: destination } = hosts);
  await qemu.start(source, hosts.vm, epoch);
}, 120_000);
afterAll(async () => hosts?.close());

interface Trip {
  readonly onto: Arrival["onto"];
  readonly diskBytes: number;
}

/** Moves the VM to the other host as a controller would, and lets it stay there. */
async function trip(): Promise<Trip> {
  const { vm } = hosts;
  epoch += 1;
  const onto = await foundation({ from: source, to: destination, vm }, qemu, (text) => warnings.push(text));
  const arrival = { epoch, generation: `move-${epoch}`, machine: hosts.machine, onto };
  await qemu.receive(destination, vm, arrival);
  const request: SendRequest = {
    ...{ source, destination, vm, arrival, turns: [] },
    ...{
      bandwidthMbps: 1000,
      encryption: "tls",
      downtimeBudgetMs: 1000,
      rttMs: 1,
      onProgress: () => undefined,
      onNotice: () => undefined,
    },
  };
  const { diskBytes } = await qemu.send(request);
  await qemu.retire(source, vm, arrival.generation);
  await qemu.settleDisks(destination, vm);
  [source, destination] = [destination, source];
  return { onto, diskBytes };
}

/** What the guest's application says, asked from the host that runs it. */
async function guest<T>(ask: (control: GuestControl) => Promise<T>): Promise<T> {
  const namespace = source === hosts.here ? "tq-delta-a" : "tq-delta-b";
  const { bridge } = segmentOf(hosts.vm.name);
  // The same neighbour at both hosts, so that the guest need not find out that it has another one.
  await run("ip", ["-n", namespace, "link", "set", bridge, "address", "52:54:00:10:01:01"]);
  await run("ip", ["-n", namespace, "address", "replace", "10.1.1.1/24", "dev", bridge]);
  const control = await GuestControl.connect(namespace, "10.1.1.2");
  return await ask(control).finally(() => control.close());
}

/** The files of the running VM's disk. */
async function chain(): Promise<string[]> {
  return (await source.host.list(source.directory)).filter((name) => name.endsWith(".qcow2")).sort();
}

async function takenBytes(place: Place): Promise<number> {
  return (await qemu.allocatedBytes(place, hosts.vm)).all;
}

test("a first trip sends what is allocated, and no more", async () => {
  const { onto, diskBytes } = await trip();
  expect(onto).toBe("nothing");
  expect(diskBytes).toBeGreaterThan(SEEDED_BYTES);
  expect(diskBytes).toBeLessThan(1.2 * SEEDED_BYTES);
  expect(await takenBytes(source)).toBeLessThan(1.2 * SEEDED_BYTES);
  expect(await chain()).toEqual(["data.live.qcow2", "data.qcow2"]);
  expect(await qemu.observe(destination)).toEqual({ kind: "replica", generation: "move-2" });
  expect(await destination.host.list(destination.directory)).toEqual(["data.qcow2", "replica.json"]);
}, 90_000);

test("a return trip with nothing changed costs next to nothing", async () => {
  const { onto, diskBytes } = await trip();
  expect(onto).toBe("replica");
  expect(diskBytes).toBeLessThanOrEqual(2e6);
  expect(await chain()).toEqual(["data.live.qcow2", "data.qcow2"]);
}, 90_000);

test("a return trip costs what changed, which arrives whole", async () => {
  await guest((control) => control.write(7, FILE_MIB));
  const { onto, diskBytes } = await trip();
  expect(onto).toBe("replica");
  expect(diskBytes).toBeGreaterThan(FILE_BYTES);
  expect(diskBytes).toBeLessThanOrEqual(1.2 * FILE_BYTES + 2e6);
  await guest(async (control) => {
    await control.check(7, FILE_MIB);
    await control.verify();
  });
}, 90_000);

test("however often it moves, a chain is no longer and a disk no larger", async () => {
  const before = { layers: await chain(), bytes: await takenBytes(source) };
  for (let trips = 0; trips < 4; trips++) expect((await trip()).onto).toBe("replica");
  expect(await chain()).toEqual(before.layers);
  expect(await takenBytes(source)).toBeLessThan(before.bytes + 4e6);
  await guest((control) => control.check(7, FILE_MIB));
  expect(warnings).toEqual([]);
}, 180_000);

test("a replica of which one byte is not what it was is told, and replaced by a full copy", async () => {
  const file = await open(`${destination.directory}/data.qcow2`, "r+");
  const { size } = await file.stat();
  const at = Math.floor(size / 2);
  const { buffer } = await file.read(Buffer.alloc(1), 0, 1, at);
  await file.write(Buffer.from([(buffer[0] ?? 0) ^ 1]), 0, 1, at);
  await file.close();
  const { onto, diskBytes } = await trip();
  expect(onto).toBe("nothing");
  expect(diskBytes).toBeGreaterThan(SEEDED_BYTES);
  expect(warnings.splice(0)).toEqual([
    `the replica at ${source.site} cannot be used and is replaced by a full copy: disk data is not what it was`,
  ]);
  await guest((control) => control.check(7, FILE_MIB));
  expect(await chain()).toEqual(["data.live.qcow2", "data.qcow2"]);
}, 90_000);

test("a replica of another generation is told, and replaced", async () => {
  const replica = { schema: 1, generation: "another-vm", disks: ["data"] };
  await destination.host.writeFile(`${destination.directory}/replica.json`, JSON.stringify(replica));
  expect((await trip()).onto).toBe("nothing");
  expect(warnings.splice(0).join()).toMatch(/full copy: it is of another generation/);
  await guest((control) => control.check(7, FILE_MIB));
}, 90_000);

test("an arrival that is given up leaves the replica that stood there, and it serves the next one", async () => {
  const { vm } = hosts;
  const onto = await foundation({ from: source, to: destination, vm }, qemu, (text) => warnings.push(text));
  await qemu.receive(destination, vm, { epoch: epoch + 1, generation: "never", machine: hosts.machine, onto });
  await qemu.remove(destination, vm.name, "replica");
  expect(await destination.host.list(destination.directory)).toEqual(["data.qcow2", "replica.json"]);
  await expect(qemu.remove(source, vm.name, "replica")).rejects.toMatchObject({ code: "hypervisor.failed" });
  expect((await trip()).onto).toBe("replica");
  expect(warnings).toEqual([]);
}, 90_000);

test("disks that shall be kept are whole images", async () => {
  await guest((control) => control.write(8, 1));
  await qemu.remove(source, hosts.vm.name, "disks");
  expect(await source.host.list(source.directory)).toEqual(["data.qcow2"]);
  const { stdout } = await run("qemu-img", ["check", `${source.directory}/data.qcow2`]);
  expect(stdout).toMatch(/No errors were found/);
  const info = JSON.parse((await run("qemu-img", ["info", "--output=json", `${source.directory}/data.qcow2`])).stdout);
  expect(info).not.toHaveProperty("backing-filename");
}, 60_000);
