import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { listenToDiary } from "../../../examples/lab/probe/diary.ts";
import { GuestControl, IDLE, IMAGE_PROCESSING } from "../../../examples/lab/probe/guest-control.ts";
import { LineProcess } from "../../../examples/lab/probe/line-process.ts";
import { monotonicMs } from "../../../examples/lab/probe/report.ts";
import { GUEST_ADDRESS, PlainGuest } from "./plain-guest.ts";

const guest = new PlainGuest();
let control: GuestControl;

beforeAll(async () => {
  await guest.makeNamespaces();
  await guest.makeLinks();
  await guest.boot();
  control = await GuestControl.connect(guest.client, GUEST_ADDRESS);
}, 60_000);

afterAll(async () => {
  await control?.close();
  await guest.remove();
});

test("boots within seconds", () => {
  expect(guest.bootMs).toBeLessThan(20_000);
});

test("keeps its data, and knows it", async () => {
  const seeded = await control.verify();
  expect(seeded.files).toBe(4);
  await control.write(7, 3);
  await control.sync();
  await control.check(7, 3);
  // No file was written for this seed.
  await expect(control.check(8, 3)).rejects.toThrow("bad 3 MiB");
});

test("keeps a diary whose records are durable when they are told of, and knows its memory", async () => {
  const listener = await listenToDiary(guest.client, GUEST_ADDRESS);
  try {
    await control.diary(200);
    await expect.poll(async () => (await listener.report()).newest).toBeGreaterThan(100);
    const { newest: heard } = await listener.report();
    const reading = await control.reread();
    expect(reading.newest).toBeGreaterThanOrEqual(heard);
    expect(reading).toMatchObject({ records: reading.newest, bad: 0, errors: 0 });
    expect(reading.longestMs).toBeGreaterThan(0);
    await control.diary(0);
    await control.checkMemory();
  } finally {
    await listener.stop();
  }
});

test("answers garbage with an error and goes on", async () => {
  const line = await LineProcess.start(guest.client, "line.py", [GUEST_ADDRESS, "5003", "5"]);
  try {
    for (const garbage of [
      "",
      "dance",
      "load 1 2",
      "load -1 2 3",
      "load 1 2 x",
      "write 1 99999",
      "\u0000\u0001",
      "x".repeat(5000),
    ]) {
      line.send(garbage);
      expect(await line.nextLine()).toMatch(/^error /);
    }
    line.send("load 0 0 0");
    expect(await line.nextLine()).toBe("ok 0 0 0");
  } finally {
    await line.stop();
  }
});

test("dirties memory and disk at the rate that was asked for", async () => {
  expect(await control.load({ memoryMBps: 30, workingSetMiB: 9999, diskMBps: 1 })).toEqual({
    memoryMBps: 30,
    workingSetMiB: 80,
    diskMBps: 1,
  });
  await control.load(IMAGE_PROCESSING);
  const before = await control.statistics();
  await sleep(2000);
  const after = await control.statistics();
  await control.load(IDLE);

  const seconds = (after.atMs - before.atMs) / 1000;
  const memoryMBps = (after.dirtiedBytes - before.dirtiedBytes) / 1e6 / seconds;
  const diskMBps = (after.writtenBytes - before.writtenBytes) / 1e6 / seconds;
  // Never above; below only as far as the machine is busy with other things.
  expect(memoryMBps).toBeGreaterThan(6);
  expect(memoryMBps).toBeLessThan(36);
  expect(diskMBps).toBeGreaterThan(0.2);
  expect(diskMBps).toBeLessThan(2);
  expect(after.writeErrors).toBe(0);
  const verified = await control.verify();
  expect(verified.blocks).toBeGreaterThanOrEqual(Math.floor(after.writtenBytes / 65536));
});

test.each([
  ["idle", IDLE, 300],
  ["idle", IDLE, 1000],
  ["under load", IMAGE_PROCESSING, 300],
  ["under load", IMAGE_PROCESSING, 1000],
])("%s, sees a stop though its own clock stood still (%#)", async (_name, load, pauseMs) => {
  await control.load(load);
  await sleep(1200);
  await control.clear();
  const stopAtMs = monotonicMs();
  await guest.monitor.execute("stop");
  const stoppedAtMs = monotonicMs();
  await sleep(pauseMs);
  const contAtMs = monotonicMs();
  await guest.monitor.execute("cont");
  const resumedAtMs = monotonicMs();

  const stops = (await control.settledGaps()).filter((gap) => gap.kind === "stop");
  await control.load(IDLE);
  const [stop] = stops;
  expect(stops).toHaveLength(1);
  expect(stop?.settled).toBe(true);
  // Under 1 ms on an idle machine. On a busy one the guest must know how far off it may be.
  const uncertaintyMs = stop?.uncertaintyMs ?? Number.NaN;
  expect(uncertaintyMs).toBeLessThan(pauseMs / 3);
  expect(stop?.lengthMs).toBeGreaterThan(contAtMs - stoppedAtMs - uncertaintyMs - 5);
  // A guest that may run is not yet one that does: the machine may give its processor away first.
  expect(stop?.lengthMs).toBeLessThan(resumedAtMs - stopAtMs + uncertaintyMs + 150);
});

test("sees a short stop too, if asked for", async () => {
  await control.clear();
  await guest.monitor.execute("stop");
  await sleep(25);
  await guest.monitor.execute("cont");

  const stops = async () => (await control.gaps(10)).filter(({ kind }) => kind === "stop");
  await expect.poll(stops, { timeout: 15_000 }).toHaveLength(1);
});

test("tells a stall, in which its clock ran on, from a stop", async () => {
  await control.clear();
  guest.signal("SIGSTOP");
  const frozenAtMs = monotonicMs();
  await sleep(1000);
  const thawAtMs = monotonicMs();
  guest.signal("SIGCONT");

  const longest = async () => (await control.gaps()).sort((left, right) => right.lengthMs - left.lengthMs)[0];
  await expect.poll(longest, { timeout: 15_000 }).toMatchObject({ kind: "stall", settled: true });
  const lengthMs = (await longest())?.lengthMs;
  // A signal takes effect a moment after it was sent.
  expect(lengthMs).toBeGreaterThan(thawAtMs - frozenAtMs - 100);
  expect(lengthMs).toBeLessThan(2 * (thawAtMs - frozenAtMs));
});

// The last of all: nothing is whole any more afterwards.
test("knows what of its data is spoilt", async () => {
  await guest.spoil("/seeded/2.bin");
  await expect(control.verify()).rejects.toThrow("bad 1 files 0 blocks");
});
