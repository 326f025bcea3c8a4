import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, Progress, SendRequest } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const HERE = "tq-fault-a";
let hosts: TwoHosts;
let arrival: Arrival;

beforeAll(async () => {
  hosts = await twoHosts("fault");
  arrival = { epoch: 2, generation: "move-2", machine: hosts.machine, onto: "nothing" };
  // So slow that there is time to break something in the middle, on a busy machine too: the disk takes ten seconds.
  const shaper = ["burst", "256kb", "limit", "8mb"];
  await run("tc", ["-n", HERE, "qdisc", "replace", "dev", "lp0", "root", "tbf", "rate", "50mbit", ...shaper]);
  await qemu.start(hosts.here, hosts.vm, 1);
  await booted();
}, 120_000);
afterAll(async () => hosts?.close());
beforeEach(async () => {
  await qemu.receive(hosts.there, hosts.vm, arrival);
});
afterEach(async () => {
  await qemu.settle(hosts.here, hosts.there, hosts.vm, false).catch(() => undefined);
  await qemu.remove(hosts.there, hosts.vm.name);
});

async function booted(): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    const serial = await hosts.here.host.readFile(`${hosts.here.directory}/serial.log`);
    if (serial?.includes("GUEST READY")) return;
    await sleep(100);
  }
  throw new Error("the guest did not boot");
}

async function signal(name: "SIGKILL" | "SIGSTOP", place: "here" | "there", pidFile: string): Promise<void> {
  const pid = Number(await hosts[place].host.readFile(`${hosts[place].directory}/${pidFile}`));
  expect(pid).toBeGreaterThan(1);
  process.kill(pid, name);
}

/** Disk and memory take seconds to copy. */
const MIDST_MS = 700;

/** A send that is broken in the middle of a copy. */
async function sendBroken(
  what: Progress["what"],
  fault: () => Promise<void>,
): Promise<{ thrown: unknown; ms: number }> {
  let begunAtMs: number | undefined;
  let brokenAtMs: number | undefined;
  const onProgress = (progress: Progress) => {
    if (brokenAtMs !== undefined || progress.what !== what) return;
    begunAtMs ??= performance.now();
    // A mirror tells of no byte before its whole first load has arrived, which is most of this disk.
    if (performance.now() - begunAtMs < MIDST_MS) return;
    brokenAtMs = performance.now();
    fault().catch((reason) => expect.unreachable(String(reason)));
  };
  const request: SendRequest = {
    ...{ source: hosts.here, destination: hosts.there, vm: hosts.vm, arrival, turns: [] },
    ...{
      bandwidthMbps: 100,
      encryption: "tls",
      downtimeBudgetMs: 1000,
      rttMs: 1,
      onProgress,
      onNotice: () => undefined,
    },
  };
  const thrown = await qemu.send(request).then(
    () => expect.unreachable("it went through"),
    (reason: unknown) => reason,
  );
  return { thrown, ms: performance.now() - (brokenAtMs ?? Number.NaN) };
}

/** The VM runs at the source on its network, and nothing of the copy is left there. */
async function expectHome(): Promise<void> {
  const { here, there, vm } = hosts;
  expect(await qemu.settle(here, there, vm, false)).toBe("source");
  expect(await qemu.observe(here)).toEqual({ kind: "active", epoch: 1, run: "running" });
  const { bridge, tap } = segmentOf(vm.name);
  const { stdout } = await run("ip", ["-n", HERE, "-o", "link", "show", "master", bridge]);
  expect(stdout).toContain(tap);
  expect((await here.host.list(here.directory)).filter((name) => /^near-|way/.test(name))).toEqual([]);
  const { stdout: processes } = await run("sh", ["-c", 'ip netns pids "$0" | xargs -r ps -o comm= -p', HERE]);
  expect(processes).not.toMatch(/nbdkit|stunnel/);
}

test("a near end that is killed in the disk's copy breaks it off at once", async () => {
  const { thrown, ms } = await sendBroken("disk", () => signal("SIGKILL", "here", "near-data.pid"));
  expect(String(thrown)).toMatch(/disk copy of guest broke off/);
  expect(ms).toBeLessThan(10_000);
  await expectHome();
}, 60_000);

test("a destination that stands still in the memory's copy is noticed, and removed all the same", async () => {
  const { thrown, ms } = await sendBroken("memory", () => signal("SIGSTOP", "there", "qemu.pid"));
  expect(thrown).toMatchObject({ code: "hypervisor.failed", retry: "safe" });
  expect(ms).toBeLessThan(40_000);
  await expectHome();
  await qemu.remove(hosts.there, hosts.vm.name);
  expect(await qemu.observe(hosts.there)).toEqual({ kind: "absent" });
}, 60_000);

test("a QEMU that runs and cannot be asked is not taken for dead", async () => {
  const { there, vm } = hosts;
  await there.host.remove(`${there.directory}/qmp-observer.sock`);
  const unaskable = { code: "host.prerequisite-missing", next: expect.stringMatching(/AllowTcpForwarding local/) };
  await expect(qemu.observe(there)).rejects.toMatchObject(unaskable);
  await qemu.remove(there, vm.name);
  expect(await qemu.observe(there)).toEqual({ kind: "absent" });
}, 60_000);

test("a VM that a move left paused goes on, connected", async () => {
  const { here, vm } = hosts;
  const { bridge, tap } = segmentOf(vm.name);
  await run("ip", ["-n", HERE, "link", "set", tap, "nomaster"]);
  await qemu.resume(here, vm);
  const { stdout } = await run("ip", ["-n", HERE, "-o", "link", "show", "master", bridge]);
  expect(stdout).toContain(tap);
  expect(await qemu.observe(here)).toEqual({ kind: "active", epoch: 1, run: "running" });
}, 60_000);

test.each(["source", "destination"] as const)(
  "a controller whose lease at the %s is another's by now moves nothing: the VM stays, connected",
  async (end) => {
    const { here, there, vm } = hosts;
    const path = { source: `${here.directory}.lease`, destination: `${there.directory}.lease` };
    for (const [place, at] of [
      [here, path.source],
      [there, path.destination],
    ] as const) {
      await place.host.writeFile(at, JSON.stringify({ number: at === path[end] ? 8 : 7 }));
    }
    const warrants = {
      source: { path: path.source, number: 7 },
      destination: { path: path.destination, number: 7 },
    };
    const request: SendRequest = {
      ...{ source: here, destination: there, vm, arrival, turns: [], warrants },
      ...{
        bandwidthMbps: 100,
        encryption: "tls",
        downtimeBudgetMs: 1000,
        rttMs: 1,
        onProgress: () => undefined,
        onNotice: () => undefined,
      },
    };
    const sent = qemu.send(request);
    await expect(sent).rejects.toMatchObject({
      ...{ code: "hypervisor.failed", retry: "safe" },
      message: expect.stringMatching(/its controller does not hold the VM's lease any more/),
    });
    expect(await qemu.settle(here, there, vm, true)).toBe("source");
    await expectHome();
  },
  90_000,
);
