import { afterAll, beforeAll, expect, it } from "vitest";
import { Offers } from "../../provider/domain/drac/offers.ts";
import type { OccupancyRequest } from "../../provider/domain/wire.ts";
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

it("tells when the next slot is free, to the moment", async () => {
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
  expect(Date.parse(startsAt)).toBe(end);
  for (const { connectionId } of taken) await drac.terminate(connectionId);
});

it("is refused for a place nobody knows", async () => {
  await expect(domains.drac("ams.example").offer({ ...request, to: "urn:ogf:network:nowhere:2026:x" })).rejects.toThrow(
    /nowhere/,
  );
});

it("says how far it looked for a slot, and not that there is none beyond", async () => {
  const nothingFree = async (_: string, { ports, window }: OccupancyRequest) =>
    ports.map((port) => ({ port, capacityMbps: 1_000, channels: 1, taken: [{ ...window, mbps: 900, channel: 0 }] }));
  const startedMs = Date.now();
  const refused = await new Offers(TOPOLOGY, nothingFree).find(request).catch((thrown: unknown) => thrown);
  expect(refused).toMatchObject({ status: 409 });
  const [, from = "", until = ""] = /begin between (\S+) and (\S+)$/.exec(String(refused)) ?? [];
  expect(Date.parse(from)).toBeGreaterThanOrEqual(startedMs);
  expect(Date.parse(until) - Date.parse(from)).toBe(24 * 3_600_000);
});

it("names a domain that never answers", async () => {
  const mute = (domain: string, { ports }: OccupancyRequest) =>
    domain === "transit.example"
      ? new Promise<never>(() => undefined)
      : Promise.resolve(ports.map((port) => ({ port, capacityMbps: 1_000, channels: 1, taken: [] })));
  await expect(new Offers(TOPOLOGY, mute).find(request)).rejects.toMatchObject({
    ...{ status: 504, domain: "transit.example", message: "transit.example gave no answer in 1.5 s" },
  });
});
