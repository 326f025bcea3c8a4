import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Topology } from "../../provider/domain/config.ts";
import { domainsAlong, fastestPath } from "../../provider/domain/drac/path.ts";
import { type Link, otherEnd } from "../../provider/domain/topology.ts";

const names = ["a", "b", "c", "d", "e"];
const link = fc
  .record({
    ends: fc.shuffledSubarray(names, { minLength: 2, maxLength: 2 }),
    delayMs: fc.nat({ max: 9 }),
    capacityMbps: fc.constantFrom(10, 100),
  })
  .map(({ ends: [one = "a", other = "b"], ...rest }) => ({
    ...{ ...rest, channels: 1, id: "", a: { domain: one, port: "" }, b: { domain: other, port: "" } },
  }));
const topology: fc.Arbitrary<Topology> = fc.array(link, { maxLength: 9 }).map((links) => ({ stps: [], links }));

/** The oracle walks every way that enters no domain twice. */
function leastDelay(links: readonly Link[], from: string, to: string, seen: readonly string[] = []): number {
  if (from === to) return 0;
  const next = links.filter(
    (one) => (one.a.domain === from || one.b.domain === from) && !seen.includes(otherEnd(one, from)),
  );
  return Math.min(
    Number.POSITIVE_INFINITY,
    ...next.map((one) => one.delayMs + leastDelay(links, otherEnd(one, from), to, [...seen, from])),
  );
}

describe("the fastest path", () => {
  it("has the least delay of all ways over usable links", () => {
    fc.assert(
      fc.property(topology, fc.constantFrom(...names), fc.constantFrom(...names), (graph, from, to) => {
        const usable = ({ capacityMbps }: Link): boolean => capacityMbps >= 50;
        const path = fastestPath(graph, from, to, usable);
        const least = leastDelay(graph.links.filter(usable), from, to);
        expect(path?.reduce((sum, { delayMs }) => sum + delayMs, 0) ?? Number.POSITIVE_INFINITY).toBe(least);
        if (path === undefined) return;
        expect(path.every(usable)).toBe(true);
        expect(domainsAlong(from, path).at(-1)).toBe(to);
      }),
      { numRuns: 400 },
    );
  });
});
