import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Domains, grantFor, startDomains, wishFor } from "./agents.ts";
import { policiesUpTo, TOPOLOGY } from "./testbed.ts";

const HOUR_MS = 3_600_000;
const base = Math.ceil(Date.now() / HOUR_MS) * HOUR_MS + HOUR_MS;
const slot = (fromHour: number, untilHour: number) => ({
  start: new Date(base + fromHour * HOUR_MS).toISOString(),
  end: new Date(base + untilHour * HOUR_MS).toISOString(),
});

describe("where there is no room", () => {
  let domains: Domains;
  beforeAll(async () => {
    const direct = { a: { domain: "ams.example", port: "direct" }, b: { domain: "san.example", port: "direct" } };
    const rest = { id: "direct", capacityMbps: 1_000, channels: 4, delayMs: 300 };
    const topology = { ...TOPOLOGY, links: [...TOPOLOGY.links, { ...direct, ...rest }] };
    // Transit lets nobody have much: only the slow direct link is wide enough for more.
    domains = await startDomains(
      (config) => ({ ...config, topology }),
      (name) => policiesUpTo(name === "transit.example" ? 500 : 1_000),
    );
  });
  afterAll(async () => await domains.end());

  it("goes over other domains if one on the cheapest way refuses", async () => {
    const small = wishFor({ bandwidthMbps: 500, window: slot(0, 1) });
    const large = wishFor({ bandwidthMbps: 501, window: slot(0, 1) });
    const aaa = domains.aaa("ams.example");
    expect((await aaa.requestGrant(grantFor(small))).domains).toEqual([
      "ams.example",
      "transit.example",
      "san.example",
    ]);
    expect((await aaa.requestGrant(grantFor(large))).domains).toEqual(["ams.example", "san.example"]);
    const got = await domains.drac("ams.example").reserve(large, await domains.tokenFor(large));
    expect(got).toMatchObject({ rttMs: 600, segments: [{ out: { port: "direct" } }, { in: { port: "direct" } }] });
    await domains.drac("ams.example").terminate(got.connectionId);
  });

  it("says whose refusal it was if there is no other way", async () => {
    const wish = wishFor({ bandwidthMbps: 1_001, window: slot(0, 1) });
    await expect(domains.aaa("ams.example").requestGrant(grantFor(wish))).rejects.toThrow("1000 Mbps at most");
  });

  it("offers the next slot that is free for as long, or says how far there is none", async () => {
    const drac = domains.drac("ams.example");
    const reserve = async (bandwidthMbps: number, from: number, until: number) => {
      const wish = wishFor({ bandwidthMbps, window: slot(from, until) });
      return await drac.reserve(wish, await domains.tokenFor(wish));
    };
    // Free for an hour between the two, but not for two.
    await reserve(600, 0, 2);
    await reserve(700, 3, 5);
    const [two, five] = [slot(2, 5).start, slot(2, 5).end];
    await expect(reserve(900, 1, 2)).rejects.toThrow(`900 Mbps are free for as long from ${two}`);
    await expect(reserve(900, 0, 2)).rejects.toThrow(`900 Mbps are free for as long from ${five}`);
    expect(await reserve(900, 2, 3)).toMatchObject({ state: "reserved" });
    await reserve(600, 5, 24 * 8 + 6);
    const far = slot(0, 24 * 7 + 1).end;
    await expect(reserve(900, 0, 1)).rejects.toThrow(`nor for as long at any time before ${far}`);
  });
});
