import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { GuestControl, IDLE, type Load } from "../../examples/lab/probe/guest-control.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, DirtyRates } from "../../provider/hypervisor/hypervisor.ts";
import { files } from "../../provider/hypervisor/qemu/files.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { Qmp } from "../../provider/hypervisor/qemu/qmp.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const HERE = "tq-rates-a";
const MIB = 2 ** 20;
let hosts: TwoHosts;
let guest: GuestControl;

beforeAll(async () => {
  hosts = await twoHosts("rates");
  await qemu.start(hosts.here, hosts.vm, 1);
  await run("ip", ["-n", HERE, "address", "replace", "10.1.1.1/24", "dev", segmentOf(hosts.vm.name).bridge]);
  guest = await GuestControl.connect(HERE, "10.1.1.2", 60);
}, 120_000);
afterAll(async () => {
  await guest?.close();
  await hosts?.close();
});

async function ratesUnder(load: Load): Promise<DirtyRates> {
  await guest.load(load);
  const rates = (await qemu.dirtyRates(hosts.here, hosts.vm)) ?? expect.unreachable("it does not tell");
  const [brief, long] = [rates.brief, rates.long].map(({ bytesPerSecond }) => (bytesPerSecond / 1e6).toFixed(1));
  console.log(`${JSON.stringify(load)}: ${brief} MB/s briefly, ${long} MB/s for longer`);
  return rates;
}

/** On a monitor that neither the controller nor, as long as nothing moves, anybody else uses. */
async function withGuardianMonitor<T>(work: (qmp: Qmp) => Promise<T>): Promise<T> {
  const { guardianMonitor } = files(hosts.here.directory);
  const qmp = await Qmp.open(await hosts.here.host.connect(guardianMonitor), "the test");
  return await work(qmp).finally(() => qmp.close());
}

test("an idle guest dirties next to nothing, and one at work what it says, within a factor of two", async () => {
  const idle = await ratesUnder(IDLE);
  expect(idle.long.bytesPerSecond).toBeLessThan(5e6);
  const { brief, long } = await ratesUnder({ memoryMBps: 30, workingSetMiB: 40, diskMBps: 0 });
  for (const { bytesPerSecond } of [brief, long]) {
    expect(bytesPerSecond).toBeGreaterThan(15e6);
    expect(bytesPerSecond).toBeLessThan(60e6);
  }
});

test("memory in which the guest goes round and round counts once", async () => {
  const { brief, long } = await ratesUnder({ memoryMBps: 400, workingSetMiB: 4, diskMBps: 0 });
  expect(long.bytesPerSecond).toBeGreaterThan(4 * MIB);
  expect(long.bytesPerSecond).toBeLessThan(16 * MIB);
  expect(brief.bytesPerSecond).toBeGreaterThan(2 * long.bytesPerSecond);
});

test("it does not tell while another measures, nor of a guest that stands still; afterwards it does", async () => {
  await guest.load(IDLE);
  await withGuardianMonitor(async (qmp) => {
    await qmp.execute("calc-dirty-rate", { "calc-time": 3 });
    expect(await qemu.dirtyRates(hosts.here, hosts.vm)).toBeUndefined();
    const measuring = async () => await qmp.execute("query-dirty-rate");
    await expect.poll(measuring).toMatchObject({ status: "measured", "calc-time": 3 });
    await qmp.execute("stop");
    expect(await qemu.dirtyRates(hosts.here, hosts.vm)).toBeUndefined();
    await qmp.execute("cont");
  });
  expect(await qemu.dirtyRates(hosts.here, hosts.vm)).toBeDefined();
});

test("a move that begins while it looks takes place; of a VM that is gone nothing is told", async () => {
  const { here, there, vm, machine } = hosts;
  const arrival: Arrival = { epoch: 2, generation: "move-2", machine, onto: "nothing" };
  await qemu.receive(there, vm, arrival);
  const looking = qemu.dirtyRates(here, vm);
  await qemu.send({
    ...{ source: here, destination: there, vm, arrival, turns: [], encryption: "tls", bandwidthMbps: 1_000, rttMs: 1 },
    ...{ downtimeBudgetMs: 1_000, onProgress: () => undefined, onNotice: () => undefined },
  });
  expect(await looking).toBeDefined();
  expect(await qemu.observe(there)).toMatchObject({ kind: "active", epoch: 2, run: "running" });
  await qemu.remove(here, vm.name);
  expect(await qemu.dirtyRates(here, vm)).toBeUndefined();
}, 120_000);
