import { afterAll, beforeAll, expect, it } from "vitest";
import { type Domains, startDomains, wishFor } from "./agents.ts";
import { TOPOLOGY } from "./testbed.ts";

let domains: Domains;

beforeAll(async () => {
  domains = await startDomains((config) => config);
});
afterAll(async () => await domains.end());

const wish = wishFor({});
const request = { from: wish.from, to: wish.to, bandwidthMbps: 900, minutes: 30 };

it("tells of the way, its round trip and what is free, and holds nothing", async () => {
  const drac = domains.drac("ams.example");
  const startedMs = Date.now();
  const offer = await drac.offer(request);
  expect(offer).toMatchObject({ hops: ["ams.example", "transit.example", "san.example"], rttMs: 200 });
  expect(offer.freeMbps).toBe(TOPOLOGY.links[0]?.capacityMbps);
  expect(Date.parse(offer.startsAt)).toBeGreaterThanOrEqual(startedMs);
  expect(Date.parse(offer.startsAt)).toBeLessThan(startedMs + 60_000);
  expect(await drac.list()).toEqual([]);
});

it("tells when the next slot is free, to the quarter of an hour", async () => {
  const drac = domains.drac("ams.example");
  const end = Date.now() + 50 * 60_000;
  const window = { start: new Date().toISOString(), end: new Date(end).toISOString() };
  const taken = [];
  for (const _ of TOPOLOGY.links) {
    const all = wishFor({ bandwidthMbps: 1_000, window });
    const token = await domains.tokenFor(all);
    const got = await drac.reserve(all, token).catch(() => undefined);
    if (got) taken.push(got);
  }
  expect(taken.length).toBeGreaterThan(0);
  const { startsAt } = await drac.offer(request);
  expect(Date.parse(startsAt)).toBeGreaterThanOrEqual(end);
  expect(Date.parse(startsAt)).toBeLessThan(end + 15 * 60_000);
  for (const { connectionId } of taken) await drac.terminate(connectionId);
});

it("is refused for a place nobody knows", async () => {
  await expect(domains.drac("ams.example").offer({ ...request, to: "urn:ogf:network:nowhere:2026:x" })).rejects.toThrow(
    /nowhere/,
  );
});
