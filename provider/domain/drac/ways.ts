import type { PathConstraints } from "../../aaa/wire.ts";
import type { Topology } from "../config.ts";
import { waysInOrder } from "../paths/alternatives.ts";
import type { Search } from "../paths/cheapest.ts";
import { Network } from "../paths/network.ts";
import { costOf } from "../topology.ts";

/** Links side by side make many ways through the same domains: so many are looked at, at most. */
const MOST_WAYS = 24;

/**
 * A search over the links that are wide enough, whatever is reserved on them. Undefined where a domain that must be on the
 * way has none.
 */
export function searchOver(
  topology: Topology,
  [from, to]: readonly [string, string],
  bandwidthMbps: number,
  { includeDomains = [], avoidDomains = [], avoidLinks = [], avoidRiskGroups = [], maxDelayMs }: PathConstraints,
): Search | undefined {
  const links = topology.links.filter(({ capacityMbps }) => capacityMbps >= bandwidthMbps);
  const names = new Set([from, to, ...links.flatMap(({ a, b }) => [a.domain, b.domain])]);
  if (!includeDomains.every((domain) => names.has(domain))) return undefined;
  const network = new Network(
    [...names].map((id) => ({ id, swapsLabels: true })),
    links.map((link) => ({
      ...{ id: link.id, ends: [link.a.domain, link.b.domain], capacityMbps: link.capacityMbps, delayMs: link.delayMs },
      ...{ cost: costOf(link), riskGroups: link.riskGroups ?? [], labels: [[0, link.channels - 1]] },
    })),
  );
  const bound = { include: includeDomains, avoidNodes: avoidDomains, avoidLinks, avoidRiskGroups };
  const constraints = { ...bound, ...(maxDelayMs === undefined ? {} : { maxDelayMs }) };
  return { network, from, to, constraints, free: (link) => network.labelsOf(link) };
}

/**
 * The domains of the cheapest way between two domains over links that are wide enough, whatever is reserved on them, then of
 * the next cheapest one through other domains, and so on: `most` of them, or as many as there are.
 */
export function waysBetween(
  topology: Topology,
  ends: readonly [string, string],
  bandwidthMbps: number,
  most: number,
  constraints: PathConstraints = {},
): readonly (readonly string[])[] {
  const search = searchOver(topology, ends, bandwidthMbps, constraints);
  if (search === undefined) return [];
  const found = new Map<string, readonly string[]>();
  let looked = 0;
  for (const way of waysInOrder(search)) {
    if (way === "undecided") break;
    found.set(way.nodes.join(" "), way.nodes);
    if (found.size === most || ++looked === MOST_WAYS) break;
  }
  return [...found.values()];
}
