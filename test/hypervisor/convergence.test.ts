import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { afterAll, beforeAll, beforeEach, expect, test } from "vitest";
import { GuestControl, IDLE, type Load } from "../../examples/lab/probe/guest-control.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, SendRequest } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoHosts, twoHosts } from "./two-hosts.ts";

const run = promisify(execFile);
const HERE = "tq-conv-a";
/** 12 MB a second. */
const RATE = "100mbit";
/** Dirtied again before it is sent, however much the guest is slowed down. */
const TOO_MUCH: Load = { memoryMBps: 400, workingSetMiB: 16, diskMBps: 0 };
let hosts: TwoHosts;
let guest: GuestControl;
let notices: string[];

beforeAll(async () => {
  hosts = await twoHosts("conv");
  await run("tc", [
    "-n",
    HERE,
    "qdisc",
    "replace",
    "dev",
    "lp0",
    "root",
    "tbf",
    "rate",
    RATE,
    "burst",
    "256kb",
    "limit",
    "1mb",
  ]);
  await qemu.start(hosts.here, hosts.vm, 1);
  await run("ip", ["-n", HERE, "address", "replace", "10.1.1.1/24", "dev", segmentOf(hosts.vm.name).bridge]);
  guest = await GuestControl.connect(HERE, "10.1.1.2", 60);
}, 120_000);
afterAll(async () => {
  await guest?.close();
  await hosts?.close();
});
beforeEach(() => {
  notices = [];
});

async function move(downtimeBudgetMs: number) {
  const { here: source, there: destination, vm, machine } = hosts;
  const arrival: Arrival = { epoch: 2, generation: "move-2", machine, onto: "nothing" };
  await qemu.receive(destination, vm, arrival);
  const request: SendRequest = {
    ...{ source, destination, vm, arrival, turns: [], encryption: "none", bandwidthMbps: 95, rttMs: 1 },
    ...{ downtimeBudgetMs, onProgress: () => undefined, onNotice: (line) => notices.push(line) },
  };
  return await qemu.send(request);
}

test("memory that does not converge within its budget: the guest is slowed down, and in the end stays, with the reason", async () => {
  await guest.load(TOO_MUCH);
  const moving = move(400);
  await expect(moving).rejects.toMatchObject({ code: "hypervisor.failed", retry: "safe" });
  await expect(moving).rejects.toThrow(
    /guest was not moved: its memory does not converge: slowed down by 80 % the guest still dirties [\d.]+ MB\/s, the path carries [\d.]+ MB\/s/,
  );
  expect(notices.map((line) => /up to (\d+) %/.exec(line)?.[1])).toEqual(["20", "35", "50", "65", "80"]);
  expect(await qemu.settle(hosts.here, hosts.there, hosts.vm, false)).toBe("source");
  expect(await qemu.observe(hosts.here)).toEqual({ kind: "active", epoch: 1, run: "running" });
  // Not slowed down any more, and whole.
  await guest.load(IDLE);
  await guest.write(3, 1);
  await qemu.remove(hosts.there, hosts.vm.name);
}, 180_000);

test("where the budget allows what does not get any closer, it is used, and the move takes place", async () => {
  await guest.load(TOO_MUCH);
  const { blackoutMs } = await move(6_000);
  expect(notices).toEqual([expect.stringMatching(/the last round may take \d+ ms of the budget/)]);
  expect(blackoutMs).toBeGreaterThan(300);
  expect(blackoutMs).toBeLessThan(6_000);
  expect(await qemu.observe(hosts.there)).toMatchObject({ kind: "active", epoch: 2, run: "running" });
}, 180_000);
