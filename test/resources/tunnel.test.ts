import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Context } from "../../provider/context.ts";
import { tunnelResource } from "../../provider/resources/tunnel.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { Network, SITES, type SiteName } from "../tunnel/network.ts";
import { pings } from "../tunnel/probes.ts";
import { listener } from "./declarations.ts";
import { contextIn, tunnelTo } from "./tunnel-inputs.ts";

describe("a tunnel", () => {
  let network: Network;
  let context: Context;
  const narrator = listener();

  beforeEach(() => {
    network = new Network();
    context = contextIn(network, narrator);
  });
  afterEach(() => network.stop());

  const checked = (site: SiteName, epoch: number) => tunnelTo(context, network, site, epoch);

  test("is made, read, and removed with its record", async () => {
    const resource = tunnelResource(context);
    const { id, outs } = await resource.create({ inputs: await checked("ams", 1) });
    expect(outs).toMatchObject({ endpoint: SITES.ams, epoch: 1 });
    expect(await pings(network.gateway, "10.1.1.2")).toBe(true);
    const path = `${network.folder}/guest/tunnels/office.json`;
    expect(JSON.parse((await network.sites.ams.readFile(path)) ?? "")).toEqual(network.record);
    const read = await resource.read({ id, props: outs });
    expect(read.props).toEqual(outs);
    expect(await resource.diff({ id, olds: outs, news: read.inputs })).toMatchObject({ changes: false });
    await resource.delete({ id, props: outs });
    expect(await network.sites.ams.readFile(path)).toBeUndefined();
    expect(await resource.read({ id, props: outs })).toMatchObject({ id: undefined });
  });

  test("that the move has turned is only looked at", async () => {
    const resource = tunnelResource(context);
    const { id, outs } = await resource.create({ inputs: await checked("ams", 1) });
    await vxlan.attach(network.sites.san, network.record, SITES.san);
    await vxlan.establish(network.gateway, network.record, { address: SITES.san, epoch: 2 });
    const news = await checked("san", 2);
    expect(await resource.diff({ id, olds: outs, news })).toMatchObject({ changes: true, replaces: [] });
    narrator.lines.length = 0;
    expect((await resource.update({ id, olds: outs, news })).outs).toMatchObject({ endpoint: SITES.san, epoch: 2 });
    expect(narrator.lines).toEqual([]);
  });

  test("that was left behind is led on, with a warning; one that is ahead is not led back", async () => {
    const resource = tunnelResource(context);
    const { id, outs } = await resource.create({ inputs: await checked("ams", 1) });
    const news = await checked("san", 2);
    const updated = await resource.update({ id, olds: outs, news });
    expect(narrator.lines.at(-1)).toBe("warn: Tunnel office was left behind and is led to san again.");
    expect(await vxlan.observe(network.gateway, network.record)).toEqual({ address: SITES.san, epoch: 2 });
    const back = resource.update({ id, olds: updated.outs, news: await checked("ams", 1) });
    await expect(back).rejects.toMatchObject({ code: "tunnel.failed", retry: "safe" });
    expect(await vxlan.observe(network.gateway, network.record)).toEqual({ address: SITES.san, epoch: 2 });
  });

  test("of another VM is another tunnel", async () => {
    const olds = { ...(await checked("ams", 3)), endpoint: SITES.ams };
    const news = { ...(await checked("ams", 1)), vmId: "2" };
    const difference = await tunnelResource(context).diff({ id: "guest/office", olds, news });
    expect(difference).toEqual({ changes: true, replaces: ["vmId"], deleteBeforeReplace: true });
  });
});
