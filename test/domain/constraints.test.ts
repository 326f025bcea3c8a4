import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { PathConstraints } from "../../provider/aaa/wire.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, windowIn, wishFor } from "./agents.ts";
import { AMS, SAN, TOPOLOGY } from "./testbed.ts";

/** From ams to san over transit, by the near link or the far one, or by a slow direct link. */
const DIRECT = {
  ...{ id: "direct", capacityMbps: 1_000, channels: 4, delayMs: 300, riskGroups: ["sea"] },
  ...{ a: { domain: "ams.example", port: "direct" }, b: { domain: "san.example", port: "direct" } },
};
const OVER_TRANSIT = ["ams.example", "transit.example", "san.example"];
const STRAIGHT = ["ams.example", "san.example"];

describe("a way that keeps to constraints", () => {
  let domains: Domains;
  beforeAll(async () => {
    const links = TOPOLOGY.links.map((link) => (link.id === "near" ? { ...link, riskGroups: ["duct"] } : link));
    domains = await startDomains((config) => ({ ...config, topology: { ...TOPOLOGY, links: [...links, DIRECT] } }));
  });
  afterAll(async () => await domains.end());

  const bound = (constraints: PathConstraints) =>
    wishFor({ bandwidthMbps: 100, window: windowIn(60, 600), constraints });
  /** Reserved under a grant for the way that the constraints of `granted` lead over. */
  async function reserve(wish: ReserveRequest, granted: PathConstraints | undefined = wish.constraints) {
    const aaa = domains.aaa("ams.example");
    const { jwt } = await aaa.requestGrant({ ...grantFor(wish), ...(granted ? { constraints: granted } : {}) });
    const { token } = await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt });
    return await domains.drac("ams.example").reserve(wish, token);
  }

  it.each<[PathConstraints, string[], string]>([
    [{}, OVER_TRANSIT, "east"],
    [{ avoidRiskGroups: ["duct"] }, OVER_TRANSIT, "south"],
    [{ avoidLinks: ["near"] }, OVER_TRANSIT, "south"],
    [{ maxDelayMs: 101 }, OVER_TRANSIT, "east"],
    [{ avoidDomains: ["transit.example"] }, STRAIGHT, "direct"],
    [{ avoidLinks: ["near", "far"] }, STRAIGHT, "direct"],
    [{ includeDomains: ["transit.example"], avoidRiskGroups: ["duct"] }, OVER_TRANSIT, "south"],
  ])("%j", async (constraints, hops, port) => {
    const got = await reserve(bound(constraints));
    expect(got.segments.map(({ domain }) => domain)).toEqual(hops);
    expect(got.segments[0]?.out.port).toBe(port);
    expect(got.constraints).toEqual(constraints);
    await domains.drac("ams.example").terminate(got.connectionId);
  });

  it.each<[PathConstraints, RegExp]>([
    [{ avoidDomains: ["transit.example"] }, /does not keep to the constraints: it leads over transit.example/],
    [{ includeDomains: ["elsewhere.example"] }, /it does not lead over elsewhere.example/],
    [{ maxDelayMs: 50 }, /no way over .* keeps to the constraints, whatever is free/],
    [{ avoidLinks: ["near", "far"] }, /no way over .* keeps to the constraints, whatever is free/],
  ])("is refused where the token's way is none: %j", async (constraints, reason) => {
    await expect(reserve(bound(constraints), {})).rejects.toThrow(reason);
  });

  it.each<PathConstraints>([
    { avoidDomains: ["transit.example"], maxDelayMs: 299 },
    { includeDomains: ["elsewhere.example"] },
    { avoidDomains: ["ams.example"] },
  ])("is granted to nobody if there is none: %j", async (constraints) => {
    await expect(reserve(bound(constraints))).rejects.toThrow(/carries 100 Mbps and keeps to the constraints/);
  });

  it("is full when the links that are left are, whatever is free on others", async () => {
    const taken = await reserve({ ...bound({ avoidLinks: ["near"] }), bandwidthMbps: 1_000 });
    const wish = { ...bound({ avoidRiskGroups: ["duct"] }), window: taken.window };
    const refused = domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish));
    const [until] = [taken.window.end];
    await expect(refused).rejects.toThrow(`100 Mbps are free for as long from ${until}`);
    await domains.drac("ams.example").terminate(taken.connectionId);
  });

  it("can be chosen from several, the cheapest first, all free at one time", async () => {
    const drac = domains.drac("ams.example");
    const offer = { from: AMS, to: SAN, bandwidthMbps: 900, window: windowIn(3_600, 600) };
    const links = async (most: number, more: object = {}) =>
      (await drac.alternatives({ offer: { ...offer, ...more }, most })).map((one) => one.links);
    expect(await links(8)).toEqual([["near", "span"], ["far", "span"], ["direct"]]);
    expect(await links(2)).toEqual([
      ["near", "span"],
      ["far", "span"],
    ]);
    expect(await links(8, { constraints: { avoidLinks: ["span"] } })).toEqual([["direct"]]);
    const all = await drac.alternatives({ offer, most: 8 });
    expect(all.map(({ rttMs }) => rttMs)).toEqual([200, 208, 600]);
    expect(new Set(all.map(({ startsAt }) => startsAt))).toEqual(new Set([offer.window.start]));
    await expect(links(8, { constraints: { maxDelayMs: 1 } })).rejects.toThrow("within the constraints");
  });

  it("can be two that do not fail together, later if they are not free now", async () => {
    const drac = domains.drac("ams.example");
    const window = windowIn(3_600, 600);
    const offer = { from: AMS, to: SAN, bandwidthMbps: 900, window };
    const pair = await drac.pair({ offer, apart: "domains" });
    expect(pair).toMatchObject({ working: { links: ["near", "span"] }, protecting: { links: ["direct"] } });
    expect(pair).toMatchObject({ cheapest: true, working: { startsAt: window.start } });
    const taken = await reserve({ ...bound({ avoidDomains: ["transit.example"] }), bandwidthMbps: 200, window });
    const later = await drac.pair({ offer, apart: "domains" });
    expect([later.working.startsAt, later.protecting.startsAt]).toEqual([window.end, window.end]);
    await drac.terminate(taken.connectionId);
    const alone = { ...offer, constraints: { avoidLinks: ["direct"] } };
    await expect(drac.pair({ offer: alone, apart: "links" })).rejects.toThrow("there are no two ways");
  });
});
