import { readdirSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { segmentOf } from "../../provider/host/segment.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { GATEWAY, Network, SITES } from "./network.ts";
import { dropped, echoes, inject, pings, received } from "./probes.ts";

const { bridge, vxlan: device } = segmentOf("guest");

describe("a VXLAN tunnel", () => {
  let network: Network;
  beforeEach(() => {
    network = new Network();
  });
  afterEach(() => network.stop());

  test("leads to the VM, is observed as it is, and leaves nothing", async () => {
    const { gateway, sites, record } = network;
    const before = (await gateway.run(["ls", "/sys/class/net"])).stdout;
    const siteBefore = (await sites.ams.run(["ls", "/sys/class/net"])).stdout;
    expect(await vxlan.observe(gateway, record)).toBeUndefined();
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 1 });
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    expect(await pings(network.vms.ams, "10.1.1.1")).toBe(true);
    expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES.ams, epoch: 1 });
    expect((await gateway.run(["cat", "/proc/sys/net/ipv4/ip_forward"])).stdout).toBe("1\n");
    await vxlan.detach(sites.ams, record);
    await vxlan.detach(sites.ams, record);
    await vxlan.dismantle(gateway, record);
    await vxlan.dismantle(gateway, record);
    expect(await vxlan.observe(gateway, record)).toBeUndefined();
    expect((await gateway.run(["ls", "/sys/class/net"])).stdout).toBe(before);
    expect((await gateway.run(["nft", "list", "ruleset"])).stdout).toBe("");
    expect((await sites.ams.run(["ls", "/sys/class/net"])).stdout).toBe(siteBefore);
    expect((await sites.ams.run(["nft", "list", "ruleset"])).stdout).toBe("");
    expect(readdirSync(network.folder)).toEqual([]);
  });

  test("carries full packets of its MTU", async () => {
    const { gateway, sites, record } = network;
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 1 });
    const argv = ["ping", "-n", "-c", "1", "-M", "do", "-W", "1", "-s"];
    expect((await gateway.run([...argv, "1372", "10.1.1.2"], { allowFailure: true })).code).toBe(0);
    expect((await gateway.run([...argv, "1373", "10.1.1.2"], { allowFailure: true })).code).not.toBe(0);
  });

  test("made twice is made once, and what was broken is mended", async () => {
    const { gateway, sites, record } = network;
    const here = { address: SITES.ams, epoch: 1 };
    const index = async (host: typeof gateway) => (await host.run(["cat", `/sys/class/net/${device}/ifindex`])).stdout;
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, here);
    const first = [await index(gateway), await index(sites.ams)];
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, here);
    expect([await index(gateway), await index(sites.ams)]).toEqual(first);
    const filter = (await sites.ams.run(["nft", "-s", "list", "ruleset"])).stdout;
    expect(filter).toContain(`ip saddr != ${GATEWAY} counter drop`);
    await sites.ams.run(["nft", "delete", "table", "ip", device]);
    await vxlan.attach(sites.ams, record, SITES.ams);
    expect((await sites.ams.run(["nft", "-s", "list", "ruleset"])).stdout).toBe(filter);
    await sites.ams.run(["nft", "flush", "chain", "ip", device, "arriving"]);
    await sites.ams.run(["ip", "link", "set", device, "nomaster"]);
    await gateway.run(["ip", "address", "flush", "dev", device]);
    await gateway.run(["nft", "delete", "table", "ip", device]);
    await gateway.run(["bridge", "fdb", "replace", record.mac, "dev", device, "dst", SITES.san, "self", "static"]);
    expect(await pings(gateway, "10.1.1.2")).toBe(false);
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, here);
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    expect(await vxlan.observe(gateway, record)).toEqual(here);
    expect((await sites.ams.run(["nft", "-s", "list", "ruleset"])).stdout).toBe(filter);
  });

  test("is not said to be whole when it is not", async () => {
    const { gateway, record } = network;
    const here = { address: SITES.ams, epoch: 1 };
    const damages: [string[], RegExp][] = [
      [
        ["bridge", "fdb", "replace", record.mac, "dev", device, "dst", SITES.san, "self", "static"],
        /forwards to .*admits/,
      ],
      [["nft", "delete", "table", "ip", device], /filter is missing/],
      [["nft", "flush", "chain", "ip", device, "arriving"], /not as it was made/],
      [["nft", "flush", "set", "ip", device, "admitted"], /not as it was made/],
      [["ip", "link", "set", device, "down"], /missing, down or/],
      [["ip", "link", "delete", device], /missing, down or/],
    ];
    for (const [damage, complaint] of damages) {
      await vxlan.establish(gateway, record, here);
      expect(await vxlan.observe(gateway, record)).toEqual(here);
      await gateway.run(damage);
      await expect(vxlan.observe(gateway, record)).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
      await expect(vxlan.observe(gateway, record)).rejects.toThrow(complaint);
    }
  });

  test("admits packets of its site only, and leaves other tunnels alone", async () => {
    const { gateway, sites, record } = network;
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 1 });
    await inject(sites.ams, record.vni);
    expect([await received(gateway), await dropped(gateway)]).toEqual([1, 0]);
    await inject(sites.san, record.vni);
    expect([await received(gateway), await dropped(gateway)]).toEqual([1, 1]);
    await inject(sites.san, record.vni + 1);
    expect([await received(gateway), await dropped(gateway)]).toEqual([1, 1]);
  });

  test("is led to another site by a newer epoch, never by an older or the same", async () => {
    const { gateway, sites, vms, record } = network;
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.attach(sites.san, record, SITES.san);
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 3 });
    await vxlan.establish(gateway, record, { address: SITES.san, epoch: 4 });
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
    expect([await echoes(vms.ams), await echoes(vms.san)]).toEqual([0, 3]);
    for (const epoch of [3, 4]) {
      const call = vxlan.establish(gateway, record, { address: SITES.ams, epoch });
      await expect(call).rejects.toMatchObject({ code: "tunnel.failed", retry: "never" });
    }
    expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES.san, epoch: 4 });
  });

  test("keeps its epoch over a restart of the gateway", async () => {
    const { gateway, record } = network;
    await vxlan.establish(gateway, record, { address: SITES.san, epoch: 4 });
    await gateway.run(["ip", "link", "delete", device]);
    await gateway.run(["nft", "flush", "ruleset"]);
    expect(await vxlan.observe(gateway, record)).toBeUndefined();
    const older = vxlan.establish(gateway, record, { address: SITES.ams, epoch: 3 });
    await expect(older).rejects.toThrow(/epoch 4 to 203.0.113.2 stands already/);
    await vxlan.establish(gateway, record, { address: SITES.san, epoch: 4 });
    expect(await vxlan.observe(gateway, record)).toEqual({ address: SITES.san, epoch: 4 });
  });

  test("is not attached where the VM has no bridge, and says so", async () => {
    const { sites, record } = network;
    await sites.ams.run(["ip", "link", "delete", bridge]);
    const call = vxlan.attach(sites.ams, record, SITES.ams);
    await expect(call).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
    await expect(call).rejects.toThrow(`the bridge ${bridge} of VM guest is missing`);
  });

  test("takes no address that is none", async () => {
    const { gateway, sites, record } = network;
    const bad = "192.0.2.9; flush ruleset";
    const call = vxlan.establish(gateway, record, { address: bad, epoch: 1 });
    await expect(call).rejects.toMatchObject({ code: "input.invalid" });
    await expect(vxlan.attach(sites.ams, record, bad)).rejects.toMatchObject({ code: "input.invalid" });
  });

  test("does not disturb another tunnel that has its VNI", async () => {
    const { gateway, sites, record } = network;
    await vxlan.attach(sites.ams, record, SITES.ams);
    await vxlan.establish(gateway, record, { address: SITES.ams, epoch: 1 });
    const rival = { ...record, name: "rival", vm: "other", gatewayAddress: "10.2.2.1/24" };
    const call = vxlan.establish(gateway, rival, { address: SITES.san, epoch: 1 });
    await expect(call).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
    expect(await pings(gateway, "10.1.1.2")).toBe(true);
  });
});
