import { execFile } from "node:child_process";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { afterAll, beforeAll, expect, test } from "vitest";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, SendRequest } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
let hosts: TwoHosts;

beforeAll(async () => {
  hosts = await twoHosts("move");
}, 120_000);
afterAll(async () => hosts?.close());

const arrival = (epoch: number): Arrival => ({
  epoch,
  generation: `move-${epoch}`,
  machine: hosts.machine,
  onto: "nothing",
});
const request = (epoch: number, overrides: Partial<SendRequest> = {}): SendRequest => ({
  ...{ source: hosts.here, destination: hosts.there, vm: hosts.vm, arrival: arrival(epoch), turns: [] },
  ...{
    bandwidthMbps: 1000,
    encryption: "tls",
    downtimeBudgetMs: 1000,
    rttMs: 1,
    onProgress: () => undefined,
    onNotice: () => undefined,
  },
  ...overrides,
});

const booted = async () => {
  for (let tries = 0; tries < 300; tries++) {
    const serial = await hosts.here.host.readFile(`${hosts.here.directory}/serial.log`);
    if (serial?.includes("GUEST READY")) return;
    await sleep(100);
  }
  throw new Error("the guest did not boot");
};

test("a host is surveyed", async () => {
  const survey = await qemu.survey(hosts.here.host, "/tmp", "tcg");
  expect(survey.missing).toEqual([]);
  expect(survey.threads).toBeGreaterThan(0);
  expect(Number.parseInt(survey.version, 10)).toBeGreaterThanOrEqual(9);
});

test("a VM starts and is observed", async () => {
  expect(await qemu.observe(hosts.here)).toEqual({ kind: "absent" });
  await qemu.start(hosts.here, hosts.vm, 1);
  expect(await qemu.observe(hosts.here)).toEqual({ kind: "active", epoch: 1, run: "running" });
  await booted();
}, 60_000);

test("killing the destination's QEMU in mid-copy leaves the VM running at the source", async () => {
  const { here, there, vm } = hosts;
  await qemu.receive(there, vm, arrival(2));
  expect(await qemu.observe(there)).toMatchObject({ kind: "incoming", run: "paused" });
  const pid = (await there.host.readFile(`${there.directory}/qemu.pid`))?.trim() ?? "";
  let killed = false;
  const kill = () => {
    if (!killed) process.kill(Number(pid), "SIGKILL");
    killed = true;
  };
  await expect(qemu.send(request(2, { onProgress: kill }))).rejects.toMatchObject({ code: "hypervisor.failed" });
  expect(killed).toBe(true);
  expect(await qemu.settle(here, there, vm, true)).toBe("source");
  expect(await qemu.observe(here)).toEqual({ kind: "active", epoch: 1, run: "running" });
  expect(await qemu.observe(there)).toEqual({ kind: "absent" });
  const { stdout } = await run("ip", ["-n", "tq-move-a", "-o", "link", "show", "master", segmentOf(vm.name).bridge]);
  expect(stdout).toContain(segmentOf(vm.name).tap);
  const left = await here.host.list(here.directory);
  expect(left.filter((name) => name.startsWith("near-"))).toEqual([]);
}, 60_000);

test("a running VM moves with its disk, and exactly one runs", async () => {
  const { here, there, vm } = hosts;
  await qemu.receive(there, vm, arrival(2));
  const transfer = await qemu.send(request(2));
  expect(transfer.blackoutMs).toBeGreaterThan(0);
  expect(transfer.memoryBytes).toBeGreaterThan(40e6);
  expect(transfer.diskBytes).toBeGreaterThan(64e6);
  expect(await qemu.observe(there)).toEqual({ kind: "active", epoch: 2, run: "running" });
  expect(await qemu.observe(here)).toMatchObject({ run: "paused" });
  await qemu.remove(here, vm.name);
  expect(await qemu.observe(here)).toEqual({ kind: "absent" });
  const { stdout } = await run("ip", ["-n", "tq-move-a", "-o", "link", "show"]);
  expect(stdout).not.toContain("ttb-");
}, 60_000);

test("a refused destination never commits, and a committed one is not taken back", async () => {
  const { here, there, vm } = hosts;
  await qemu.receive(here, vm, arrival(3));
  expect(await qemu.settle(there, here, vm, true)).toBe("source");
  await qemu.receive(here, vm, arrival(3));
  await qemu.send(request(3, { source: there, destination: here }));
  expect(await qemu.settle(there, here, vm, true)).toBe("destination");
}, 60_000);
