import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { NsiLightpath } from "../../../provider/lightpath/nsi/nsi.ts";
import { windowIn, wishFor } from "../../domain/agents.ts";
import { AMS, SAN } from "../../domain/testbed.ts";
import { type FarSide, startFarSide } from "./far-side.ts";

describe("a lightpath through NSI, with a domain of ours as the provider", () => {
  let far: FarSide;
  let nsi: NsiLightpath;
  beforeAll(async () => {
    far = await startFarSide((config) => ({ ...config, holdSeconds: 5 }));
    nsi = far.lightpath();
  });
  afterEach(async () => {
    for (const { connectionId, state } of await nsi.list())
      if (state !== "terminated") await nsi.terminate(connectionId);
  });
  afterAll(async () => await far.end());

  const drac = () => far.domains.drac("ams.example");
  const live = async () => (await drac().list()).filter(({ state }) => state !== "terminated" && state !== "timed-out");

  it("lives from reservation to termination, by the calls of a move", async () => {
    expect(await nsi.offer({ from: AMS, to: SAN, bandwidthMbps: 600, minutes: 60 })).toMatchObject({
      ...{ hops: ["ams.example"], rttMs: 198 },
    });
    const wish = wishFor();
    const reserved = await nsi.reserve(wish);
    const { connectionId } = reserved;
    expect(reserved).toEqual({
      ...{ connectionId, state: "reserved", from: AMS, to: SAN, bandwidthMbps: 600, mtu: 9000, vm: "radar" },
      ...{ window: wish.window, rttMs: 198 },
      segments: [{ domain: "ams.example", in: { port: AMS, channel: 0 }, out: { port: SAN, channel: 0 } }],
    });
    expect(await live()).toMatchObject([{ state: "reserved", bandwidthMbps: 600, vm: connectionId }]);
    const provisioned = await nsi.provision(connectionId);
    expect(provisioned).toEqual({ ...reserved, state: "provisioned" });
    expect(await live()).toMatchObject([{ state: "provisioned" }]);
    expect((await nsi.release(connectionId)).state).toBe("reserved");
    expect(await live()).toMatchObject([{ state: "reserved" }]);
    expect((await nsi.release(connectionId)).state).toBe("reserved");
    expect((await nsi.provision(connectionId)).state).toBe("provisioned");
    expect((await nsi.provision(connectionId)).state).toBe("provisioned");
    await nsi.terminate(connectionId);
    expect(await live()).toEqual([]);
    expect((await nsi.query(connectionId))?.state).toBe("terminated");
    await nsi.terminate(connectionId);
    await nsi.terminate("nobody-knows-it");
    expect(await nsi.query("nobody-knows-it")).toBeUndefined();
    await expect(nsi.provision(connectionId)).rejects.toMatchObject({ code: "domain.refused" });
    const grants = await far.domains.aaa("ams.example").listGrants();
    expect(grants).toEqual([]);
  });

  it("tells which VLAN, and so which of the hosts' devices, at either end", async () => {
    const all = [];
    for (const vm of ["one", "two", "three"]) all.push(await nsi.reserve(wishFor({ vm, bandwidthMbps: 100 })));
    const [channels] = [all.map(({ segments: [segment] }) => [segment?.in.channel, segment?.out.channel])];
    expect(new Set(channels.map(([inward]) => inward)).size).toBe(3);
    const narrow = far.lightpath({ stps: { [AMS]: `${AMS}?vlan=1999`, [SAN]: `${SAN}?vlan=200-207` } });
    await nsi.close();
    await expect(narrow.reserve(wishFor({ vm: "four", bandwidthMbps: 100 }))).rejects.toMatchObject({
      ...{ code: "domain.refused", retry: "safe" },
      message: expect.stringMatching(
        /STP_UNAVAILABLE: of urn:ogf:network:ams.example:2026:host VLAN 178\d is free, not 1999/,
      ),
    });
    await narrow.close();
    expect(await live()).toHaveLength(3);
  });

  it("is shared by the VMs of this process, and ends with the last of them", async () => {
    const { connectionId } = await nsi.reserve(wishFor());
    await nsi.provision(connectionId);
    expect((await nsi.join(connectionId, "second")).state).toBe("provisioned");
    await expect(nsi.release(connectionId)).rejects.toThrow(/is used by second too/);
    await expect(nsi.terminate(connectionId)).rejects.toThrow(/is used by second too/);
    await nsi.leave(connectionId, "radar");
    expect(await live()).toMatchObject([{ state: "provisioned" }]);
    await nsi.leave(connectionId, "second");
    expect(await live()).toEqual([]);
    await expect(nsi.join(connectionId, "third")).rejects.toThrow(/is terminated/);
  });

  it("is refused with the domain's own reason, and nothing is left reserved", async () => {
    await expect(nsi.reserve(wishFor({ bandwidthMbps: 5_000 }))).rejects.toMatchObject({
      ...{ code: "domain.refused", retry: "never" },
      message: expect.stringMatching(/UNAUTHORIZED: 1000 Mbps at most .*its policy "rate"/),
    });
    const taken = await nsi.reserve(wishFor({ bandwidthMbps: 900 }));
    await expect(nsi.reserve(wishFor({ bandwidthMbps: 900, vm: "second" }))).rejects.toMatchObject({
      ...{ code: "domain.refused", retry: "safe" },
      message: expect.stringMatching(/CAPACITY_UNAVAILABLE: no link between/),
    });
    await expect(nsi.reserve(wishFor({ to: "urn:ogf:network:san.example:2026:elsewhere" }))).rejects.toThrow(
      /UNKNOWN_STP/,
    );
    await expect(nsi.modify(taken.connectionId, { vm: "radar", bandwidthMbps: 950 })).rejects.toMatchObject({
      ...{ code: "domain.refused", message: expect.stringMatching(/NOT_IMPLEMENTED/) },
    });
    expect((await live()).map(({ vm }) => vm)).toEqual([taken.connectionId]);
    expect((await nsi.query(taken.connectionId))?.bandwidthMbps).toBe(900);
  });

  it("is lit when its time comes, if it was provisioned before, and put out when it is over", async () => {
    const soon = wishFor({ window: windowIn(4, 10) });
    const { connectionId } = await nsi.reserve(soon);
    expect((await nsi.provision(connectionId)).state).toBe("provisioned");
    expect(Date.now()).toBeGreaterThanOrEqual(Date.parse(soon.window.start));
    expect(await live()).toMatchObject([{ state: "provisioned" }]);
    await expect.poll(async () => (await nsi.query(connectionId))?.state).toBe("terminated");
    expect(await live()).toEqual([]);
  });

  it("cannot be had while the provider cannot be reached, or is not the pinned one, or cannot call back", async () => {
    await expect(far.lightpath().reserve(wishFor())).rejects.toMatchObject({
      ...{
        code: "lightpath.failed",
        retry: "safe",
        message: expect.stringMatching(/callbacks .* cannot be taken.*EADDRINUSE/),
      },
    });
    await nsi.close();
    const nowhere = far.lightpath({ url: "https://127.0.0.1:9/nsi" });
    await expect(nowhere.reserve(wishFor())).rejects.toMatchObject({ code: "domain.unreachable", retry: "safe" });
    await nowhere.close();
    const another = far.lightpath({ fingerprint: far.stranger.fingerprint });
    await expect(another.reserve(wishFor())).rejects.toThrow(/shows another certificate/);
    await another.close();
    const deaf = far.lightpath({ callbackFingerprint: far.stranger.fingerprint }, far.aggregator, {
      callbackMs: 1_500,
    });
    await nsi.close();
    await expect(deaf.reserve(wishFor())).rejects.toMatchObject({
      ...{ code: "domain.unreachable", message: expect.stringMatching(/told nothing at .* within 1.5 s/) },
    });
    await deaf.close();
    // What it held all the same was terminated; nobody was told of that either.
    await expect.poll(live).toEqual([]);
  });
});
