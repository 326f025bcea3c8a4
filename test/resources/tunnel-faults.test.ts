import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Context } from "../../provider/context.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { PartialFailure } from "../../provider/resource.ts";
import { tunnelResource } from "../../provider/resources/tunnel.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { Network, SITES } from "../tunnel/network.ts";
import { listener } from "./declarations.ts";
import { contextIn, tunnelTo } from "./tunnel-inputs.ts";

describe("a tunnel in trouble", () => {
  let network: Network;
  let context: Context;
  const narrator = listener();

  beforeEach(() => {
    network = new Network();
    context = contextIn(network, narrator);
    narrator.lines.length = 0;
  });
  afterEach(() => network.stop());

  const standing = async () => {
    const news = await tunnelTo(context, network, "ams", 1);
    return { news, ...(await tunnelResource(context).create({ inputs: news })) };
  };
  const record = () => `${network.folder}/guest/tunnels/office.json`;

  test.each([
    ["whose filter was taken away", async () => network.gateway.run(["nft", "delete", "table", "ip", device()])],
    ["whose record is gone from the VM's host", async () => network.sites.ams.remove(record())],
  ])("%s is drift on refresh, and mended by the next up", async (_, harm) => {
    const resource = tunnelResource(context);
    const { id, outs, news } = await standing();
    await harm();
    const read = await resource.read({ id, props: outs });
    expect(narrator.lines.at(-1)).toMatch(
      /^warn: Tunnel guest\/office is broken, which the next `pulumi up` mends: .*missing/,
    );
    expect(await resource.diff({ id, olds: read.props, news })).toMatchObject({ changes: true, replaces: [] });
    const mended = await resource.update({ id, olds: read.props, news });
    expect((await resource.read({ id, props: mended.outs })).props).toEqual(outs);
    expect(await network.sites.ams.readFile(record())).toBeDefined();
  });

  test("whose end at the VM's host was taken away gets it back with the next update", async () => {
    const { id, outs, news } = await standing();
    await network.sites.ams.run(["ip", "link", "delete", device()]);
    await tunnelResource(context).update({ id, olds: outs, news });
    await network.sites.ams.run(["ip", "link", "show", "dev", device()]);
  });

  test("takes nothing from another of the same VM, nor from another VM of the same name", async () => {
    const resource = tunnelResource(context);
    await standing();
    const second = await tunnelTo(context, network, "ams", 1, { name: "second", vni: 78 });
    await expect(resource.create({ inputs: second })).rejects.toThrow(/VM guest has the tunnel office already/);
    const namesake = await tunnelTo(context, network, "san", 2, { vmId: "2" });
    await network.sites.san.remove(record());
    await expect(resource.create({ inputs: namesake })).rejects.toThrow(/gw has a tunnel for a VM named guest already/);
    expect(await vxlan.observe(network.gateway, network.record)).toEqual({ address: SITES.ams, epoch: 1 });
  });

  test("that was only half made is kept, finished by the next update, or removed", async () => {
    const resource = tunnelResource(context);
    const inputs = await tunnelTo(context, network, "ams", 1);
    // The gateway has a tunnel of another VM with this number.
    const other = ["link", "add", "other", "type", "vxlan", "id", "77", "dstport", "4789", "local", "192.0.2.2"];
    await network.gateway.run(["ip", ...other]);
    const failure = await resource.create({ inputs }).catch((thrown: unknown) => thrown);
    if (!(failure instanceof PartialFailure)) throw failure;
    expect(failure).toMatchObject({ id: "guest/office", properties: { endpoint: SITES.ams } });
    expect(await network.sites.ams.readFile(record())).toBeUndefined();
    await network.gateway.run(["ip", "link", "delete", "other"]);
    await resource.update({ id: failure.id, olds: failure.properties, news: inputs });
    expect(await vxlan.observe(network.gateway, network.record)).toEqual({ address: SITES.ams, epoch: 1 });
    await resource.delete({ id: failure.id, props: failure.properties });
    expect(await vxlan.observe(network.gateway, network.record)).toBeUndefined();
  });

  test("gives back what it can when its gateway is gone, and says how to forget the rest", async () => {
    const { id, outs } = await standing();
    const resource = tunnelResource(contextIn(network, narrator, new Set(["gw"])));
    const failure = await resource.delete({ id, props: outs }).catch(String);
    expect(failure).toMatch(/Tunnel guest\/office is not all given back: gw .*`pulumi state delete` forgets/);
    expect(await network.sites.ams.readFile(record())).toBeUndefined();
    const { code } = await network.sites.ams.run(["ip", "link", "show", "dev", device()], { allowFailure: true });
    expect(code).not.toBe(0);
  });
});

const device = () => segmentOf("guest").vxlan;
