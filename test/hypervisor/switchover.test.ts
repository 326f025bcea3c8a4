import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import type { Host, Pilot } from "../../provider/host/host.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, Progress, Transfer } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Breakage, GUEST, type Side, until } from "./breakage.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

/** What the controller is told is late and may be much later on a busy machine; what happens beside the hosts is not. */
const NOISE_MS = 2_000;
let hosts: TwoHosts;
let broken: Breakage;

beforeAll(async () => {
  hosts = await twoHosts("cross");
  broken = new Breakage("cross", hosts);
}, 60_000);
afterAll(async () => hosts?.close());
beforeEach(async () => {
  // So slow that there is time to break something in the middle.
  const shaper = ["burst", "256kb", "limit", "1mb"];
  await broken.inside("here", "tc", "qdisc", "replace", "dev", "lp0", "root", "tbf", "rate", "150mbit", ...shaper);
  await bootHere();
  await qemu.receive(hosts.there, hosts.vm, arrival());
  for (const side of ["here", "there"] as const) await broken.joinNetwork(side);
}, 60_000);
afterEach(async () => {
  await broken.mend();
  await qemu.remove(hosts.there, hosts.vm.name);
  for (const side of ["here", "there"] as const) await untilAlone(side);
}, 60_000);

const arrival = (): Arrival => ({ epoch: 2, generation: "move-2", machine: hosts.machine, onto: "nothing" });

/** A test that left the VM at home leaves it to the next one. */
async function bootHere(): Promise<void> {
  if ((await run("here")) === "running") return;
  await qemu.remove(hosts.here, hosts.vm.name);
  await qemu.start(hosts.here, hosts.vm, 1);
  await until("the guest boots", async () =>
    ((await hosts.here.host.readFile(`${hosts.here.directory}/serial.log`)) ?? "").includes("GUEST READY"),
  );
}

const untilAlone = (side: Side) =>
  until(`nobody asks, answers or copies ${side}`, async () => (await broken.orphans(side)).length === 0);

type Outcome = { readonly transfer: Transfer } | { readonly thrown: unknown };

/** A move, the moment when some of something has been copied, and what ends the source pilot's line to its controller. */
function move(what: Progress["what"] = "disk") {
  const copying = Promise.withResolvers<void>();
  const { host } = hosts.here;
  let line: Pilot | undefined;
  const pilot: Host["pilot"] = async (program, parameters) => {
    const started = await host.pilot(program, parameters);
    if ("heart" in parameters) line = started;
    return started;
  };
  const outcome: Promise<Outcome> = qemu
    .send({
      ...{
        source: { ...hosts.here, host: { ...host, pilot } },
        destination: hosts.there,
        vm: hosts.vm,
        arrival: arrival(),
        turns: [],
        encryption: "tls",
      },
      ...{ bandwidthMbps: 150, rttMs: 1, downtimeBudgetMs: 1000, onNotice: () => undefined },
      onProgress: (progress) => {
        if (progress.what === what && progress.doneBytes > 1e6) copying.resolve();
      },
    })
    .then(
      (transfer) => ({ transfer }),
      (thrown: unknown) => ({ thrown }),
    );
  return {
    copying: Promise.race([copying.promise, outcome.then((ended) => expect.unreachable(JSON.stringify(ended)))]),
    outcome,
    hangUp: () => line?.close(),
  };
}

const run = async (side: Side) => {
  const seen = await qemu.observe(hosts[side]);
  return "run" in seen ? seen.run : seen.kind;
};

/** Asked of the guest, not of the controller: how long it took until it was heard at the source. */
const untilHome = () => until("the guest runs at the source, connected", () => broken.answers("here"));

async function expectNothingLeft(): Promise<void> {
  await untilAlone("here");
  expect(await broken.left("here")).toEqual([]);
  expect(await qemu.observe(hosts.here)).toEqual({ kind: "active", epoch: 1, run: "running" });
}

/** The move is held at the last moment before its commit: all memory is there, and nothing recorded. */
async function atTheCommit() {
  const release = await broken.lockRecord();
  const { copying, outcome } = move();
  await copying;
  const pilot = await broken.holder("there", "pilot");
  await broken.awaitsLock(pilot);
  return { pilot, outcome, release };
}

for (const what of ["disk", "memory"] as const) {
  test(`a source pilot killed in the copy of the ${what} costs nothing: the guardian lets the VM go on`, async () => {
    const { copying, outcome } = move(what);
    await copying;
    broken.kill(await broken.holder("here", "pilot"));
    expect(await untilHome()).toBeLessThan(1_000 + NOISE_MS);
    expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
    expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
    await expectNothingLeft();
  }, 60_000);

  test(`a source pilot whose line breaks in the copy of the ${what} lets the VM go on by itself`, async () => {
    const { copying, outcome, hangUp } = move(what);
    await copying;
    hangUp();
    expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
    expect(await untilHome()).toBeLessThan(1_000 + NOISE_MS);
    await expectNothingLeft();
  }, 60_000);

  test(`a path cut in the copy of the ${what} holds up no write of the guest's for longer than three seconds`, async () => {
    const guest = await GuestControl.connect("tq-cross-a", GUEST, 30);
    try {
      const { copying, outcome } = move(what);
      await copying;
      await broken.cut("lightpath");
      const cutAt = performance.now();
      await guest.write(7, 1);
      expect(performance.now() - cutAt).toBeLessThan(3_000 + NOISE_MS);
      expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
      expect(performance.now() - cutAt).toBeLessThan(3_000 + 2 * NOISE_MS);
      expect(String(Object.values(await outcome)[0])).toMatch(/nothing came back over the lightpath for 2 s/);
      await untilHome();
      await expectNothingLeft();
      await guest.check(7, 1);
    } finally {
      await guest.close();
    }
  }, 60_000);
}

/** The pilot stands still, so that QEMU stays at pre-switchover, the guest paused. */
async function atPreSwitchover() {
  const { copying, outcome } = move("memory");
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
  expect(await untilHome()).toBeLessThan(1_000 + NOISE_MS);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, true)).toBe("source");
  await expectNothingLeft();
}, 60_000);

test("a destination pilot that stands still before its commit is refused, and cannot commit later", async () => {
  const { pilot, outcome, release } = await atTheCommit();
  await broken.stop(pilot);
  release();
  await untilHome();
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  expect(await qemu.observe(hosts.there)).toMatchObject({ kind: "incoming", run: "dead" });
  broken.continue(pilot);
  await untilAlone("here");
  expect(await qemu.observe(hosts.there)).toMatchObject({ kind: "incoming", run: "dead" });
  await expectNothingLeft();
}, 60_000);

test("answers lost: the destination has the VM, and the source never runs it, nor asks for ever", async () => {
  const { outcome, release } = await atTheCommit();
  await broken.mute();
  release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  expect(await run("there")).toBe("running");
  await until("the source asks", async () => (await broken.orphans("here")).length > 0);
  await sleep(1_000);
  expect(await run("here")).toBe("paused");
  expect(await broken.isConnected("here")).toBe(false);
  await broken.reopen();
  for (const side of ["here", "there"] as const) await untilAlone(side);
  expect([await run("here"), await run("there")]).toEqual(["paused", "running"]);
}, 60_000);

test("a lightpath cut after migrate-continue: the verdict comes over the routed network", async () => {
  const { pilot, outcome, release } = await atTheCommit();
  await broken.cut("lightpath");
  await broken.stop(pilot);
  release();
  await untilHome();
  expect(await outcome).toMatchObject({ thrown: { retry: "safe" } });
  await expectNothingLeft();
}, 60_000);

test("both ways cut after migrate-continue: the VM stands still at the source until one is mended", async () => {
  const { pilot, outcome, release } = await atTheCommit();
  await broken.cut("lightpath", "routed");
  await broken.stop(pilot);
  release();
  for (let seconds = 0; seconds < 5; seconds++) {
    await sleep(1_000);
    expect([await broken.answers("here"), await broken.answers("there")]).toEqual([false, false]);
  }
  expect(await broken.isConnected("here")).toBe(false);
  await broken.reopen();
  await untilHome();
  broken.continue(pilot);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed" } });
  await expectNothingLeft();
  expect(await run("there")).toBe("dead");
}, 60_000);

test("a source pilot killed after migrate-continue: its guardian asks, and the committed VM stays where it is", async () => {
  const { outcome, release } = await atTheCommit();
  broken.kill(await broken.holder("here", "pilot"));
  await sleep(500);
  expect(await broken.answers("here")).toBe(false);
  release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  for (const side of ["here", "there"] as const) await untilAlone(side);
  expect([await run("here"), await run("there")]).toEqual(["paused", "running"]);
}, 60_000);

test("a destination QEMU that stands still after migrate-continue is ended, and the VM goes on at the source", async () => {
  const { pilot, outcome } = await atPreSwitchover();
  await broken.stop(await broken.pidIn("there", "qemu.pid"));
  broken.continue(pilot);
  expect(await outcome).toMatchObject({ thrown: { code: "hypervisor.failed", retry: "safe" } });
  await untilHome();
  await expectNothingLeft();
  expect(await run("there")).toBe("dead");
}, 60_000);

test("a source QEMU killed after migrate-continue: the VM arrives, and nobody there waits for the dead", async () => {
  const { outcome, release } = await atTheCommit();
  broken.kill(await broken.pidIn("here", "qemu.pid"));
  await until("the source's QEMU is gone", async () => (await run("here")) === "dead");
  release();
  expect(await outcome).toMatchObject({ transfer: { memoryBytes: expect.any(Number) } });
  expect(await run("there")).toBe("running");
  for (const side of ["here", "there"] as const) await untilAlone(side);
}, 60_000);
