import { open } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { GuestControl, IDLE, IMAGE_PROCESSING } from "../../examples/lab/probe/guest-control.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Qmp } from "../../provider/hypervisor/qemu/qmp.ts";
import { GUEST, type Side, until } from "./breakage.ts";
import { Crossing } from "./crossing.ts";

/** What the controller is told is late and may be much later on a busy machine; what happens beside the hosts is not. */
const NOISE_MS = 2_000;
const NEIGHBOUR = "52:54:00:10:01:01";
let crossing: Crossing;
let hosts: Crossing["hosts"];
let broken: Crossing["broken"];

beforeAll(async () => {
  crossing = await Crossing.open("susp", "suspended");
  ({ hosts, broken } = crossing);
}, 60_000);
afterAll(async () => hosts?.close());
beforeEach(() => crossing.prepare(), 60_000);
afterEach(() => crossing.end(), 60_000);

/** The memory is on its way, and the guest stands still meanwhile, off its network. */
async function whileSuspended() {
  const move = crossing.move("memory");
  await move.copying;
  // What a copy that was broken off before had sent is told until the next one begins.
  await until("the guest is off its network", async () => !(await broken.isConnected("here")));
  expect(await broken.answers("here")).toBe(false);
  return move;
}

/** All of the guest's memory, as a monitor that nobody else uses gives it. */
async function memoryAt(side: Side, monitor: "observerMonitor" | "guardianMonitor"): Promise<Buffer> {
  const { directory, host } = hosts[side];
  const filename = `${directory}/memory.bin`;
  const qmp = await Qmp.open(await host.connect(files(directory)[monitor]), side);
  try {
    await qmp.execute("pmemsave", { val: 0, size: hosts.vm.memoryMiB * 2 ** 20, filename });
  } finally {
    qmp.close();
  }
  await using file = await open(filename);
  return await file.readFile();
}

test("a VM that dirties more than the path carries arrives as it was, and was away for as long as its memory took", async () => {
  for (const side of ["here", "there"] as const) {
    // The same neighbour at both hosts, so that the guest need not find out that it has another one.
    await broken.inside(side, "ip", "link", "set", segmentOf(hosts.vm.name).bridge, "address", NEIGHBOUR);
  }
  const before = await GuestControl.connect("tq-susp-a", GUEST);
  await before.write(7, 2);
  await before.load(IMAGE_PROCESSING);
  await before.clear();
  await before.close();
  const { outcome, release } = await crossing.atTheCommit();
  const arriving = await memoryAt("there", "guardianMonitor");
  await release();
  const ended = await outcome;
  if (!("transfer" in ended)) throw ended.thrown;
  const { blackoutMs = Number.NaN, memoryBytes, iterations, events } = ended.transfer;
  expect(arriving.equals(await memoryAt("here", "observerMonitor"))).toBe(true);
  expect([await crossing.run("here"), await crossing.run("there")]).toEqual(["paused", "running"]);
  // Once, and what is the same in a second look costs next to nothing.
  expect(memoryBytes).toBeLessThan(1.05 * hosts.vm.memoryMiB * 2 ** 20);
  expect(iterations.every(({ remainingBytes }, pass) => pass === 0 || remainingBytes < 1e6)).toBe(true);
  const at = (wanted: string) => events.findIndex(({ at, event }) => `${at} ${event}` === wanted);
  expect(at("source STOP")).toBeLessThan(at("source MIGRATION active"));
  const after = await GuestControl.connect("tq-susp-b", GUEST);
  try {
    await after.load(IDLE);
    await after.check(7, 2);
    expect((await after.verify()).files).toBeGreaterThan(0);
    const [longest] = (await after.settledGaps()).sort((a, b) => b.lengthMs - a.lengthMs);
    console.log(`away for ${blackoutMs} ms; by the guest's clock ${longest?.lengthMs} ± ${longest?.uncertaintyMs} ms`);
    expect(Math.abs(blackoutMs - (longest?.lengthMs ?? 0))).toBeLessThan(300 + (longest?.uncertaintyMs ?? 0));
  } finally {
    await after.close();
  }
}, 90_000);

test("a source pilot killed while the VM is suspended: the guardian has it run, connected", async () => {
  const { outcome } = await whileSuspended();
  broken.kill(await broken.holder("here", "pilot"));
  expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
  await crossing.expectNothingLeft();
}, 60_000);

test("a source pilot whose line breaks while the VM is suspended lets it go on by itself", async () => {
  const { outcome, hangUp } = await whileSuspended();
  hangUp();
  expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await crossing.expectNothingLeft();
}, 60_000);

test("a path that is silent while the VM is suspended is given two seconds, then the VM goes on", async () => {
  const { outcome } = await whileSuspended();
  await broken.cut("lightpath");
  expect(await crossing.untilHome()).toBeLessThan(3_000 + NOISE_MS);
  expect(String(Object.values(await outcome)[0])).toMatch(/nothing came back over the lightpath for 2 s/);
  await crossing.expectNothingLeft();
}, 60_000);

test("a copy that gets no further, over a path that is well, does not keep the VM suspended", async () => {
  const { outcome } = await whileSuspended();
  await broken.stop(await broken.pidIn("here", "memory-way.pid"));
  expect(await crossing.untilHome()).toBeLessThan(11_000 + NOISE_MS);
  expect(String(Object.values(await outcome)[0])).toMatch(/no more of the memory was copied for 5 s/);
  await crossing.expectNothingLeft();
}, 60_000);

test("a destination QEMU that dies while the VM is suspended costs it nothing more", async () => {
  const { outcome } = await whileSuspended();
  broken.kill(await broken.pidIn("there", "qemu.pid"));
  expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await crossing.expectNothingLeft();
}, 60_000);

test("a move that is refused after migrate-continue: QEMU does not let a suspended guest go on, the pilot does", async () => {
  const { pilot, outcome, release } = await crossing.atTheCommit();
  await broken.stop(pilot);
  await release();
  await crossing.untilHome();
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await crossing.expectNothingLeft();
}, 60_000);

test("with pilot and guardian gone the VM stays suspended until the next controller settles the move", async () => {
  const { outcome } = await whileSuspended();
  for (const monitor of ["guardian", "pilot"] as const) broken.kill(await broken.holder("here", monitor));
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  expect([await crossing.run("here"), await broken.answers("here")]).toEqual(["paused", false]);
  expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
  expect(await crossing.untilHome()).toBeLessThan(NOISE_MS);
  await crossing.expectNothingLeft();
}, 60_000);
