import { waysInOrder } from "./alternatives.ts";
import { cheapestWay, type Found, type Search } from "./cheapest.ts";
import { type Constraints, Permits } from "./constraints.ts";
import { type Apart, disjointWays } from "./disjoint.ts";
import { NO_LABELS } from "./labels.ts";
import type { NetworkLink } from "./network.ts";
import { labelsFor, type Way, wayAlong } from "./way.ts";

/** What may not fail both ways of a pair at once. Risk groups are kept apart beside links, or beside links and nodes. */
export interface Diversity {
  readonly apart: Apart;
  readonly riskGroups: boolean;
}

/** Two ways for 1+1 protection. */
export interface Pair {
  readonly working: Way;
  readonly protecting: Way;
  /** Whether it is certain that no other pair costs less together. */
  readonly cheapest: boolean;
}

/** Working ways that are tried before the best pair so far must do. */
const MOST_WORKING = 50;

/**
 * Two ways between two nodes that keep to the constraints (`include` is for the working one alone) and share nothing that the
 * diversity forbids. Links and nodes alone: by Bhandari's algorithm, always the cheapest pair, and never missed. Where delays,
 * labels, nodes to include or risk groups rule that pair out, the problem is hard (NP): working ways are tried in the order of
 * cost, each with its best partner, until no better pair can come; if there are too many, the best so far is given, not
 * `cheapest`, or it is "undecided".
 */
export function diversePair(search: Search, diversity: Diversity): Found<Pair> {
  const { network, from, to, constraints, free } = search;
  const permits = new Permits(constraints);
  const usable = (link: NetworkLink): boolean => permits.allows(link) && free(link) !== NO_LABELS;
  const { apart } = diversity;
  const links = disjointWays(network, { from, to: [to, to], apart, usable, costOf: ({ cost }) => cost });
  if (links === undefined) return undefined;
  const [one, other] = [wayAlong(from, links[0]), wayAlong(from, links[1])];
  const suits = ([working, protecting]: readonly [Way, Way]): boolean =>
    keepsTo(search, working, constraints) &&
    keepsTo(search, protecting, withoutStops(constraints)) &&
    !(diversity.riskGroups && sharesRisk(working, protecting));
  const inOrder: readonly (readonly [Way, Way])[] =
    one.cost <= other.cost
      ? [
          [one, other],
          [other, one],
        ]
      : [
          [other, one],
          [one, other],
        ];
  const pair = inOrder.find(suits);
  if (pair !== undefined) return { working: pair[0], protecting: pair[1], cheapest: true };
  return tryInTurn(search, diversity, one.cost + other.cost);
}

/** `least`: what no pair can cost less than together. */
function tryInTurn(search: Search, diversity: Diversity, least: number): Found<Pair> {
  const alone = withoutStops(search.constraints);
  const partnerAlone = cheapestWay({ ...search, constraints: alone });
  if (partnerAlone === undefined || partnerAlone === "undecided") return partnerAlone;
  let best: Pair | undefined;
  let sure = true;
  let tried = 0;
  for (const working of waysInOrder(search)) {
    const total = best === undefined ? Number.POSITIVE_INFINITY : costOf(best);
    if (working === "undecided" || tried++ === MOST_WORKING)
      return best === undefined ? "undecided" : { ...best, cheapest: false };
    // Without nodes to include, the dearer way of a pair may as well be the partner.
    const bound = working.cost + (search.constraints.include?.length ? partnerAlone.cost : working.cost);
    if (total <= Math.max(bound, least)) break;
    const protecting = cheapestWay({ ...search, constraints: apartFrom(working, alone, diversity) });
    if (protecting === "undecided") sure = false;
    else if (protecting !== undefined && working.cost + protecting.cost < total)
      best = { working, protecting, cheapest: true };
  }
  if (best === undefined) return sure ? undefined : "undecided";
  return { ...best, cheapest: sure };
}

const costOf = ({ working, protecting }: Pair): number => working.cost + protecting.cost;

function withoutStops({ include: _, ...rest }: Constraints): Constraints {
  return rest;
}

function keepsTo({ network, free }: Search, way: Way, { maxDelayMs, include }: Constraints): boolean {
  if (way.delayMs > (maxDelayMs ?? Number.POSITIVE_INFINITY)) return false;
  if (include?.some((node) => !way.nodes.includes(node))) return false;
  return labelsFor(network, way, free) !== undefined;
}

function sharesRisk(one: Way, other: Way): boolean {
  const groups = new Set(groupsOf(one));
  return groupsOf(other).some((group) => groups.has(group));
}

function groupsOf({ links }: Way): readonly string[] {
  return links.flatMap(({ riskGroups }) => riskGroups);
}

function apartFrom(way: Way, constraints: Constraints, { apart, riskGroups }: Diversity): Constraints {
  const { avoidLinks = [], avoidNodes = [], avoidRiskGroups = [] } = constraints;
  return {
    ...constraints,
    avoidLinks: [...avoidLinks, ...way.links.map(({ id }) => id)],
    avoidNodes: [...avoidNodes, ...(apart === "nodes" ? way.nodes.slice(1, -1) : [])],
    avoidRiskGroups: [...avoidRiskGroups, ...(riskGroups ? groupsOf(way) : [])],
  };
}
