import { mkdir } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { GUEST, until } from "./breakage.ts";
import { Crossing } from "./crossing.ts";

/** What the controller is told is late and may be much later on a busy machine; what happens beside the hosts is not. */
const NOISE_MS = 2_000;
let crossing: Crossing;
let hosts: Crossing["hosts"];
let broken: Crossing["broken"];

beforeAll(async () => {
  crossing = await Crossing.open("cross");
  ({ hosts, broken } = crossing);
}, 60_000);
afterAll(async () => hosts?.close());
beforeEach(() => crossing.prepare(), 60_000);
afterEach(() => crossing.end(), 60_000);

for (const what of ["disk", "memory"] as const) {
  test(`a source pilot killed in the copy of the ${what} costs nothing: the guardian lets the VM go on`, async () => {
    const { copying, outcome } = crossing.move(what);
    await copying;
    broken.kill(await broken.holder("here", "pilot"));
    expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
    expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
    expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
    await crossing.expectNothingLeft();
  }, 60_000);

  test(`a source pilot whose line breaks in the copy of the ${what} lets the VM go on by itself`, async () => {
    const { copying, outcome, hangUp } = crossing.move(what);
    await copying;
    hangUp();
    expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
    expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
    await crossing.expectNothingLeft();
  }, 60_000);

  test(`a path cut in the copy of the ${what} holds up no write of the guest's for longer than three seconds`, async () => {
    const guest = await GuestControl.connect("tq-cross-a", GUEST, 30);
    try {
      const { copying, outcome } = crossing.move(what);
      await copying;
      await broken.cut("lightpath");
      const cutAt = performance.now();
      await guest.write(7, 1);
      expect(performance.now() - cutAt).toBeLessThan(3_000 + NOISE_MS);
      expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
      expect(performance.now() - cutAt).toBeLessThan(3_000 + 2 * NOISE_MS);
      expect(String(Object.values(await outcome)[0])).toMatch(/nothing came back over the lightpath for 2 s/);
      await crossing.untilHome();
      await crossing.expectNothingLeft();
      await guest.check(7, 1);
    } finally {
      await guest.close();
    }
  }, 60_000);
}

test("pilots that were held up themselves accuse nobody of silence", async () => {
  const { copying, outcome } = crossing.move("disk");
  await copying;
  const [source, destination] = [await broken.holder("here", "pilot"), await broken.holder("there", "pilot")];
  await broken.stop(destination);
  // A beat goes unanswered before the source's stands still too, for longer than silence may last.
  await sleep(500);
  await broken.stop(source);
  await sleep(3_000);
  broken.continue(source);
  await sleep(500);
  broken.continue(destination);
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  for (const side of ["here", "there"] as const) await crossing.untilAlone(side);
  expect(await crossing.run("there")).toBe("running");
}, 60_000);

/** The pilot stands still, so that QEMU stays at pre-switchover, the guest paused. */
async function atPreSwitchover() {
  const { copying, outcome } = crossing.move("memory");
  await copying;
  const pilot = await broken.holder("here", "pilot");
  await broken.stop(pilot);
  await until("the guest is paused", async () => !(await broken.answers("here")));
  return { pilot, outcome };
}

test("a source pilot killed between pre-switchover and migrate-continue: the VM is connected again and runs", async () => {
  const { pilot, outcome } = await atPreSwitchover();
  // As far as the pilot would have come.
  await broken.inside("here", "ip", "link", "set", segmentOf(hosts.vm.name).tap, "nomaster");
  broken.kill(pilot);
  expect(await crossing.untilHome()).toBeLessThan(1_000 + NOISE_MS);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
  await crossing.expectNothingLeft();
}, 60_000);

test("a destination pilot that stands still before its commit is refused, and cannot commit later", async () => {
  const { pilot, outcome, release } = await crossing.atTheCommit();
  await broken.stop(pilot);
  await release();
  await crossing.untilHome();
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  expect(await qemu.observe(hosts.there)).toMatchObject({ kind: "incoming", run: "dead" });
  broken.continue(pilot);
  await crossing.untilAlone("here");
  expect(await qemu.observe(hosts.there)).toMatchObject({ kind: "incoming", run: "dead" });
  await crossing.expectNothingLeft();
}, 60_000);

test("answers lost: the destination has the VM, and the source never runs it, nor asks for ever", async () => {
  const { outcome, release } = await crossing.atTheCommit();
  await broken.mute();
  await release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  expect(await crossing.run("there")).toBe("running");
  await until("the source asks", async () => (await broken.orphans("here")).length > 0);
  await sleep(1_000);
  expect(await crossing.run("here")).toBe("paused");
  expect(await broken.isConnected("here")).toBe(false);
  await broken.reopen();
  for (const side of ["here", "there"] as const) await crossing.untilAlone(side);
  expect([await crossing.run("here"), await crossing.run("there")]).toEqual(["paused", "running"]);
}, 60_000);

test("a lightpath cut after migrate-continue: the verdict comes over the routed network", async () => {
  const { pilot, outcome, release } = await crossing.atTheCommit();
  await broken.cut("lightpath");
  await broken.stop(pilot);
  await release();
  await crossing.untilHome();
  expect(await outcome).toMatchObject({ thrown: { retry: "safe" } });
  await crossing.expectNothingLeft();
}, 60_000);

test("both ways cut after migrate-continue: the VM stands still at the source until one is mended", async () => {
  const { pilot, outcome, release } = await crossing.atTheCommit();
  await broken.cut("lightpath", "routed");
  await broken.stop(pilot);
  await release();
  for (let seconds = 0; seconds < 5; seconds++) {
    await sleep(1_000);
    expect([await broken.answers("here"), await broken.answers("there")]).toEqual([false, false]);
  }
  expect(await broken.isConnected("here")).toBe(false);
  await broken.reopen();
  await crossing.untilHome();
  broken.continue(pilot);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  await crossing.expectNothingLeft();
  expect(await crossing.run("there")).toBe("dead");
}, 60_000);

test("a source pilot killed after migrate-continue: its guardian asks, and the committed VM stays where it is", async () => {
  const { outcome, release } = await crossing.atTheCommit();
  broken.kill(await broken.holder("here", "pilot"));
  await sleep(500);
  expect(await broken.answers("here")).toBe(false);
  await release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  for (const side of ["here", "there"] as const) await crossing.untilAlone(side);
  expect([await crossing.run("here"), await crossing.run("there")]).toEqual(["paused", "running"]);
}, 60_000);

test("a destination QEMU that stands still after migrate-continue is ended, and the VM goes on at the source", async () => {
  const { pilot, outcome } = await atPreSwitchover();
  await broken.stop(await broken.pidIn("there", "qemu.pid"));
  broken.continue(pilot);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await crossing.untilHome();
  await crossing.expectNothingLeft();
  expect(await crossing.run("there")).toBe("dead");
}, 60_000);

test("a source QEMU killed after migrate-continue: the VM arrives, and nobody there waits for the dead", async () => {
  const { outcome, release } = await crossing.atTheCommit();
  broken.kill(await broken.pidIn("here", "qemu.pid"));
  // While it is ending its monitor may break off in the middle of a word.
  const gone = () =>
    crossing.run("here").then(
      (run) => run === "dead",
      () => false,
    );
  await until("the source's QEMU is gone", gone);
  await release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  expect(await crossing.run("there")).toBe("running");
  for (const side of ["here", "there"] as const) await crossing.untilAlone(side);
}, 60_000);

test("a destination QEMU killed in the moment before its commit: nothing is committed, and the VM goes on at the source", async () => {
  const { outcome, release } = await crossing.atTheCommit();
  // Its monitor stays open for as long as the kernel takes to clear it away.
  broken.kill(await broken.pidIn("there", "qemu.pid"));
  await release();
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await crossing.untilHome();
  await crossing.expectNothingLeft();
  expect(await crossing.run("there")).toBe("dead");
}, 60_000);

test("a destination that cannot make the disks durable is not given the VM, which goes on at the source", async () => {
  const { copying, outcome } = crossing.move();
  await copying;
  // Where QEMU would serve them to be flushed there is something else.
  await mkdir(files(hosts.there.directory).flushSocket);
  expect(await outcome).toMatchObject({
    thrown: { code: "hypervisor.failed", retry: "safe", message: expect.stringMatching(/flush\.sock/) },
  });
  await crossing.untilHome();
  await crossing.expectNothingLeft();
}, 60_000);
