import { readdirSync, readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Host } from "../../provider/host/host.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Endpoint, StagedTurn } from "../../provider/tunnel/tunnel.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { eventually } from "../host/processes.ts";
import { Network, SITES } from "./network.ts";
import { dropped, echoes, ignored, inject, order, pings, received, trigger } from "./probes.ts";

const { vxlan: device } = segmentOf("guest");
const AT_AMS: Endpoint = { address: SITES.ams, epoch: 1 };
const AT_SAN: Endpoint = { address: SITES.san, epoch: 2 };

/** What the gateway does with the tunnel's packets, as the kernel tells it. */
async function state(gateway: Host): Promise<string> {
  const forwarding = await gateway.run(["bridge", "fdb", "show", "dev", device]);
  const filter = await gateway.run(["nft", "-s", "list", "table", "ip", device]);
  return forwarding.stdout.split("\n").sort().join("\n") + filter.stdout;
}

describe("a staged turn", () => {
  let network: Network;
  const stages: StagedTurn[] = [];
  const stage = async (next = AT_SAN) => {
    const staged = await vxlan.stage(network.gateway, network.record, next);
    stages.push(staged);
    return staged;
  };
  beforeEach(async () => {
    network = new Network();
    await vxlan.attach(network.sites.ams, network.record, SITES.ams);
    await vxlan.attach(network.sites.san, network.record, SITES.san);
    await vxlan.establish(network.gateway, network.record, AT_AMS);
  });
  afterEach(async () => {
    await Promise.all(stages.splice(0).map((staged) => staged.cancel()));
    await network.stop();
  });

  test("leads to the other site once its trigger came, and the old site is not heard any more", async () => {
    const { gateway, sites, vms, record } = network;
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    const staged = await stage();
    expect(await vxlan.observe(gateway, record)).toEqual(AT_AMS);
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    const [atAms, before] = [await echoes(vms.ams), await state(network.gateway)];

    const answer = await trigger(sites.san, staged, order("turn", 2, staged.trigger.keyHex));
    expect(answer).toBe(order("turned", 2, staged.trigger.keyHex));
    const { atNs, tookMs } = await staged.turned;
    expect(Math.abs(Number(process.hrtime.bigint()) - atNs)).toBeLessThan(5e9);
    expect(tookMs).toBeGreaterThan(0);
    expect(tookMs).toBeLessThan(5_000);
    expect(await vxlan.observe(gateway, record)).toEqual(AT_SAN);
    const turnedBack = (await state(network.gateway))
      .replaceAll(SITES.san, SITES.ams)
      .replace('comment "2"', 'comment "1"');
    expect(turnedBack).toBe(before);

    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    expect(await echoes(vms.ams)).toBe(atAms);
    expect(await echoes(vms.san)).toBeGreaterThan(0);
    expect(await pings(vms.ams, "10.1.1.1")).toBe(false);
    expect(await pings(vms.san, "10.1.1.1")).toBe(true);
    // Silent VMs: what is counted now was injected.
    await Promise.all([vms.ams, vms.san].map((vm) => vm.run(["ip", "link", "set", "eth0", "down"])));
    const [heard, refused] = [await received(gateway), await dropped(gateway)];
    await inject(sites.ams, record.vni);
    expect([await received(gateway), await dropped(gateway)]).toEqual([heard, refused + 1]);
    await inject(sites.san, record.vni);
    expect(await received(gateway)).toBe(heard + 1);
  });

  test("answers a repeated trigger and turns once", async () => {
    const { sites } = network;
    const staged = await stage();
    const text = order("turn", 2, staged.trigger.keyHex);
    const answer = await trigger(sites.san, staged, text);
    const after = await state(network.gateway);
    expect(await trigger(sites.san, staged, text)).toBe(answer);
    expect(answer).not.toBe("");
    expect(await state(network.gateway)).toBe(after);
  });

  test("does not move for a wrong key, another epoch or nonsense, and still obeys the right one", async () => {
    const { sites } = network;
    const staged = await stage();
    const before = await state(network.gateway);
    const { keyHex } = staged.trigger;
    const right = order("turn", 2, keyHex);
    const wrong = [order("turn", 2, "00".repeat(32)), order("turn", 3, keyHex), order("turned", 2, keyHex)];
    for (const text of [...wrong, `${right} `, right.slice(0, -1), right.toUpperCase(), "", "\0".repeat(1500)]) {
      expect(await ignored(sites.san, staged, text)).toBe(true);
    }
    expect(await state(network.gateway)).toBe(before);
    expect(await trigger(sites.san, staged, right)).not.toBe("");
    await staged.turned;
  });

  test("of an epoch that is not newer is refused", async () => {
    const { gateway, record } = network;
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 5 });
    for (const epoch of [4, 5]) {
      const call = stage({ address: SITES.san, epoch });
      await expect(call).rejects.toMatchObject({ code: "tunnel.failed", retry: "never" });
      await expect(call).rejects.toThrow(`epoch ${epoch} is not newer than epoch 5`);
    }
    expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES.ams, epoch: 5 });
  });

  test("that was overtaken by a newer one does nothing", async () => {
    const { gateway, sites, record } = network;
    const older = await stage();
    const newer = await stage({ address: SITES.ams, epoch: 3 });
    await trigger(sites.ams, newer, order("turn", 3, newer.trigger.keyHex));
    await newer.turned;
    const after = await state(network.gateway);
    expect(await ignored(sites.san, older, order("turn", 2, older.trigger.keyHex))).toBe(true);
    await expect(older.turned).rejects.toMatchObject({ code: "tunnel.failed", retry: "never" });
    expect(await state(network.gateway)).toBe(after);
    expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES.ams, epoch: 3 });
  });

  test("goes there and back", async () => {
    const { gateway, sites, vms, record } = network;
    for (const [epoch, site] of [
      [2, "san"],
      [3, "ams"],
      [4, "san"],
    ] as const) {
      const staged = await stage({ address: SITES[site], epoch });
      await trigger(sites[site], staged, order("turn", epoch, staged.trigger.keyHex));
      await staged.turned;
      await staged.cancel();
      const before = await echoes(vms[site]);
      expect(await pings(gateway, "10.1.1.2")).toBe(true);
      expect(await echoes(vms[site])).toBe(before + 3);
      expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES[site], epoch });
    }
  });

  test("given up changes nothing, leaves nothing and hears nothing", async () => {
    const { sites, record, folder } = network;
    const staged = await stage();
    const before = await state(network.gateway);
    expect(readdirSync(`${folder}/tunnels`)).toHaveLength(2);
    await staged.cancel();
    await expect(staged.turned).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
    expect(await ignored(sites.san, staged, order("turn", 2, staged.trigger.keyHex)).catch(() => true)).toBe(true);
    expect(await state(network.gateway)).toBe(before);
    expect(readdirSync(`${folder}/tunnels`)).toEqual([`${record.name}.json`]);
  });

  test("ends with the connection to the gateway", async () => {
    const staged = await stage();
    const before = await state(network.gateway);
    await network.gateway.close();
    await expect(staged.turned).rejects.toMatchObject({ code: "tunnel.failed" });
    expect(await eventually(() => readdirSync(`${network.folder}/tunnels`).length === 1)).toBe(true);
    network.reopenGateway();
    expect(await state(network.gateway)).toBe(before);
  });

  test("that fails half-way leaves the old site reachable, and says why", async () => {
    const { gateway, sites, record } = network;
    const before = await state(network.gateway);
    // Staged with the removal of a stray entry that is gone by then: filter and entries are changed, the last step fails.
    const stray = ["02:00:00:00:99:99", "dev", device, "dst", SITES.ams, "self"];
    await gateway.run(["bridge", "fdb", "add", ...stray]);
    const staged = await stage();
    await gateway.run(["bridge", "fdb", "del", ...stray]);
    expect(await ignored(sites.san, staged, order("turn", 2, staged.trigger.keyHex))).toBe(true);
    await expect(staged.turned).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
    expect(await state(network.gateway)).toBe(before);
    expect(await vxlan.observe(gateway, record)).toEqual(AT_AMS);
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
  });

  test("whose record cannot be made durable is undone", async () => {
    const { gateway, sites, record, folder } = network;
    const staged = await stage();
    const before = await state(network.gateway);
    const prepared = readdirSync(`${folder}/tunnels`).find((name) => name !== `${record.name}.json`);
    await gateway.remove(`${folder}/tunnels/${prepared}`);
    expect(await ignored(sites.san, staged, order("turn", 2, staged.trigger.keyHex))).toBe(true);
    await expect(staged.turned).rejects.toMatchObject({ code: "tunnel.failed" });
    expect(await state(network.gateway)).toBe(before);
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
  });

  test("where there is no tunnel is refused", async () => {
    await vxlan.dismantle(network.gateway, network.record);
    await expect(stage()).rejects.toThrow(/there is no such tunnel/);
  });

  test("takes a few milliseconds and keeps its key out of arguments and files", async () => {
    const { sites, folder } = network;
    const took: number[] = [];
    for (let epoch = 2; epoch < 10; epoch += 1) {
      const site = epoch % 2 === 0 ? "san" : "ams";
      const staged = await stage({ address: SITES[site], epoch });
      const { keyHex } = staged.trigger;
      for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
        expect(commandLine(pid)).not.toContain(keyHex);
      }
      for (const name of readdirSync(`${folder}/tunnels`)) {
        expect(readFileSync(`${folder}/tunnels/${name}`, "utf8")).not.toContain(keyHex);
      }
      await sleep(50);
      await trigger(sites[site], staged, order("turn", epoch, keyHex));
      took.push((await staged.turned).tookMs);
      await staged.cancel();
    }
    // The best of them: what the machine's other work adds is not the turn's.
    expect(Math.min(...took)).toBeLessThan(10);
  });
});

function commandLine(pid: string): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}
