import type { Topology } from "../config.ts";
import { waysInOrder } from "../paths/alternatives.ts";
import { Network } from "../paths/network.ts";
import { costOf } from "../topology.ts";

/** Links side by side make many ways through the same domains: so many are looked at, at most. */
const MOST_WAYS = 24;

/**
 * The domains of the cheapest way between two domains over links that are wide enough, whatever is reserved on them, then of
 * the next cheapest one through other domains, and so on: `most` of them, or as many as there are.
 */
export function waysBetween(
  topology: Topology,
  [from, to]: readonly [string, string],
  bandwidthMbps: number,
  most: number,
): readonly (readonly string[])[] {
  const links = topology.links.filter(({ capacityMbps }) => capacityMbps >= bandwidthMbps);
  const names = new Set([from, to, ...links.flatMap(({ a, b }) => [a.domain, b.domain])]);
  const network = new Network(
    [...names].map((id) => ({ id, swapsLabels: true })),
    links.map((link) => ({
      ...{ id: link.id, ends: [link.a.domain, link.b.domain], capacityMbps: link.capacityMbps, delayMs: link.delayMs },
      ...{ cost: costOf(link), riskGroups: [], labels: [[0, link.channels - 1]] },
    })),
  );
  const found = new Map<string, readonly string[]>();
  let looked = 0;
  for (const way of waysInOrder({ network, from, to, constraints: {}, free: (link) => network.labelsOf(link) })) {
    if (way === "undecided") break;
    found.set(way.nodes.join(" "), way.nodes);
    if (found.size === most || ++looked === MOST_WAYS) break;
  }
  return [...found.values()];
}
