import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TimeWindow } from "../../provider/aaa/wire.ts";
import type { Connection } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, startDomains, wishFor } from "./agents.ts";
import { TOPOLOGY } from "./testbed.ts";

/** Far enough ahead that no test's window has begun; fixed, so that one window can begin when another ends. */
const BASE_MS = Date.now() + 10_000_000;

function slot(from: number, seconds: number): TimeWindow {
  const at = (offset: number): string => new Date(BASE_MS + offset * 1_000).toISOString();
  return { start: at(from), end: at(from + seconds) };
}

describe("capacity over time", () => {
  let domains: Domains;
  beforeAll(async () => {
    // The faster of the two links between ams and transit carries half as much as the rest of the way.
    const links = TOPOLOGY.links.map((link) => (link.id === "near" ? { ...link, capacityMbps: 500 } : link));
    domains = await startDomains((config) => ({ ...config, topology: { ...TOPOLOGY, links } }));
  });
  afterAll(async () => await domains.end());

  async function reserve(bandwidthMbps: number, from: number, seconds: number, vm = "radar"): Promise<Connection> {
    const wish = wishFor({ bandwidthMbps, window: slot(from, seconds), vm });
    return await domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish));
  }
  const giveBack = async (...all: Connection[]): Promise<void> => {
    for (const { connectionId } of all) await domains.drac("ams.example").terminate(connectionId);
  };

  it("is given on the faster link first, then on the slower one, each with its own round trip", async () => {
    const [one, two] = [await reserve(400, 0, 60), await reserve(400, 0, 60)];
    expect([one.segments[0]?.out, one.rttMs]).toEqual([{ port: "east", channel: 0 }, 200]);
    expect([two.segments[0]?.out, two.rttMs]).toEqual([{ port: "south", channel: 0 }, 208]);
    const way = { in: { port: "south", channel: 0 }, out: { port: "east", channel: 1 } };
    expect(two.segments[1]).toEqual({ domain: "transit.example", ...way });
    const three = await reserve(200, 0, 60);
    await expect(reserve(1, 59, 60)).rejects.toThrow("transit.example and san.example has 1 Mbps");
    const later = await reserve(1_000, 60, 60);
    await giveBack(one, two);
    const again = await reserve(500, 0, 60);
    expect([again.segments[0]?.out.port, again.rttMs]).toEqual(["east", 200]);
    await giveBack(three, later, again);
  });

  it("runs out of channels before it runs out of rate", async () => {
    const all = [await reserve(1, 0, 60), await reserve(1, 30, 60), await reserve(1, 0, 60), await reserve(1, 30, 60)];
    expect(all.map(({ segments }) => segments[1]?.out.channel)).toEqual([0, 1, 2, 3]);
    await expect(reserve(1, 0, 60)).rejects.toThrow(/a channel free/);
    const after = await reserve(1, 60, 20);
    expect(after.segments[1]?.out.channel).toBe(0);
    await giveBack(...all, after);
  });

  it("is never given twice, however reservations and terminations follow each other", async () => {
    const step = fc.oneof(
      fc.record({
        mbps: fc.constantFrom(200, 400, 700),
        from: fc.integer({ min: 0, max: 4 }),
        length: fc.integer({ min: 1, max: 3 }),
      }),
      fc.record({ drop: fc.nat({ max: 5 }) }),
    );
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 4, maxLength: 9 }), async (steps) => {
        // The oracle: what is taken of the span in each of eight slots, and on which channels.
        const taken: { connection: Connection; mbps: number; slots: number[] }[] = [];
        for (const one of steps) {
          if ("drop" in one) {
            const [gone] = taken.splice(one.drop, 1);
            if (gone) await giveBack(gone.connection);
            continue;
          }
          const slots = Array.from({ length: one.length }, (_, index) => one.from + index);
          const inSlot = (slot: number) => taken.filter((other) => other.slots.includes(slot));
          const rateFits = slots.every(
            (slot) => inSlot(slot).reduce((sum, { mbps }) => sum + mbps, 0) + one.mbps <= 1_000,
          );
          const used = new Set(slots.flatMap(inSlot).map(({ connection }) => connection.segments[2]?.in.channel));
          const connection = await reserve(one.mbps, one.from, one.length).catch(() => undefined);
          expect(connection !== undefined).toBe(rateFits && used.size < (TOPOLOGY.links[2]?.channels ?? 0));
          if (connection === undefined) continue;
          expect(used).not.toContain(connection.segments[2]?.in.channel);
          taken.push({ connection, mbps: one.mbps, slots });
        }
        await giveBack(...taken.map(({ connection }) => connection));
      }),
      { numRuns: 12 },
    );
  }, 60_000);

  it("is given once when many ask at the same time", async () => {
    const drac = domains.drac("ams.example");
    const other = domains.drac("san.example");
    const wish = wishFor({ bandwidthMbps: 600, window: slot(0, 60) });
    const token = await domains.tokenFor(wish);
    const asked = await Promise.allSettled([drac, other, drac, other].map((one) => one.reserve(wish, token)));
    const won = asked.flatMap((one) => (one.status === "fulfilled" ? one.value : []));
    expect(won.length).toBeLessThanOrEqual(1);
    for (const { connectionId } of won)
      await Promise.all([drac.terminate(connectionId), other.terminate(connectionId)]);
    const whole = await reserve(1_000, 0, 60);
    await giveBack(whole);
  });
});
