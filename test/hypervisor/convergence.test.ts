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
const THERE = "tq-conv-b";
/** 24 MB a second. */
const RATE = "200mbit";
/** Dirtied again before it is sent, however much the guest is slowed down. */
const TOO_MUCH: Load = { memoryMBps: 400, workingSetMiB: 16, diskMBps: 0 };
const shape = async (how: "replace" | "change", rate: string, namespace = HERE) => {
  const tbf = ["tbf", "rate", rate, "burst", "256kb", "limit", "1mb"];
  await run("tc", ["-n", namespace, "qdisc", how, "dev", "lp0", "root", ...tbf]);
};
/** A machine that is busy itself stops and starts a VM later than was planned. */
const NOISE_MS = 200;
let hosts: TwoHosts;
let guest: GuestControl;
let notices: string[];

beforeAll(async () => {
  hosts = await twoHosts("conv");
  await shape("replace", RATE);
  await qemu.start(hosts.here, hosts.vm, 1);
  await reach();
}, 120_000);
afterAll(async () => {
  await guest?.close();
  await hosts?.close();
});
beforeEach(() => {
  notices = [];
});

/** Only where the guest is here. */
async function reach(): Promise<void> {
  await run("ip", ["-n", HERE, "address", "replace", "10.1.1.1/24", "dev", segmentOf(hosts.vm.name).bridge]);
  guest = await GuestControl.connect(HERE, "10.1.1.2", 60);
}

async function move(downtimeBudgetMs: number, more: Partial<SendRequest> = {}, epoch = 2) {
  const { here, there, vm, machine } = hosts;
  const [source, destination] = epoch % 2 === 0 ? [here, there] : [there, here];
  const arrival: Arrival = { epoch, generation: `move-${epoch}`, machine, onto: "nothing" };
  await qemu.receive(destination, vm, arrival);
  const request: SendRequest = {
    ...{ source, destination, vm, arrival, turns: [], encryption: "none", bandwidthMbps: 190, rttMs: 1 },
    ...{ downtimeBudgetMs, onProgress: () => undefined, onNotice: (line) => notices.push(line) },
    ...more,
  };
  return await qemu.send(request);
}

test("memory that does not converge within its budget: the guest is slowed down, and in the end stays, with the reason", async () => {
  await guest.load(TOO_MUCH);
  const moving = move(400, { moreBandwidth: async () => ({ refused: "the span is full" }) });
  await expect(moving).rejects.toMatchObject({ code: "hypervisor.failed", retry: "safe" });
  await expect(moving).rejects.toThrow(
    /guest was not moved: its memory does not converge: slowed down by 80 % the guest still dirties [\d.]+ MB\/s, the path carries [\d.]+ MB\/s/,
  );
  expect(notices.slice(0, 2)).toEqual([
    "its memory does not converge; the path is to carry more",
    "the path carries no more than it does: the span is full",
  ]);
  const percents = notices.slice(2).map((line) => /up to (\d+) %/.exec(line)?.[1]);
  expect(percents).toEqual(["20", "35", "50", "65", "80"]);
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

test("a path that is made to carry more is had to before the guest is slowed down, and does", async () => {
  await qemu.remove(hosts.here, hosts.vm.name);
  await shape("replace", RATE, THERE);
  const moreBandwidth = async () => {
    await shape("change", "800mbit", THERE);
    return { bandwidthMbps: 780 };
  };
  const { blackoutMs, iterations } = await move(400, { moreBandwidth }, 3);
  console.log(`away for ${blackoutMs} ms`);
  expect(notices.slice(0, 2)).toEqual([
    "its memory does not converge; the path is to carry more",
    "the path carries 780 Mbps from now on",
  ]);
  expect(notices.join()).not.toMatch(/slowed down/);
  expect(iterations.length).toBeGreaterThan(3);
  // One pass over what the guest dirties took 700 ms before.
  expect(blackoutMs).toBeLessThanOrEqual(400 + NOISE_MS);
  expect(await qemu.observe(hosts.here)).toMatchObject({ kind: "active", epoch: 3, run: "running" });
}, 180_000);
