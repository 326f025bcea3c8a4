import type { Network, NetworkLink, Vertex } from "./network.ts";

/** What two ways must not share: links, or nodes either (but their ends). */
export type Apart = "links" | "nodes";

/** Two ways that begin at one node, as the links of each in order, and end at one of two, or both at the same. */
export interface Fork {
  readonly from: string;
  /** Neither way goes on from there. The first way ends at the first one. */
  readonly to: readonly [string, string];
  readonly apart: Apart;
  readonly usable: (link: NetworkLink) => boolean;
  /** Of a link; not negative. */
  readonly costOf: (link: NetworkLink) => number;
}

/** Whole numbers of so many bits are added exactly, with room for what rounding adds. */
const EXACT_BITS = 51;

/** A node is two halves, one entered and one left, so that it can be passed once only: Bhandari's split. */
interface Half {
  readonly node: string;
  /** Flows that begin or end here. */
  readonly flows: Flow[];
}

interface Flow {
  readonly from: Half;
  readonly to: Half;
  readonly cost: number;
  readonly link: NetworkLink | undefined;
  /** By the first way, or the second; then it can only be undone. */
  used: boolean;
}

/**
 * Two ways that share no link (or no node) and cost least together: successive cheapest paths, each of which may undo parts of
 * the one before (Suurballe 1974, Bhandari 1999). Undefined if there are none: certain, as is that none are cheaper. Knows of no
 * delay, label or risk group.
 */
export function disjointWays(
  network: Network,
  fork: Fork,
): readonly [readonly NetworkLink[], readonly NetworkLink[]] | undefined {
  const [start, end, flows] = flowsIn(network, fork);
  for (let round = 0; round < 2; round++) if (!augment(start, end)) return undefined;
  const used = flows.filter((flow) => flow.used);
  // A link that is used in both directions is used by neither way.
  const kept = used.filter((one) => !used.some((other) => other !== one && other.link === one.link && one.link));
  const [one, other] = [walk(fork, kept), walk(fork, kept)];
  return endOf(fork.from, one) === fork.to[0] ? [one, other] : [other, one];
}

function flowsIn(network: Network, { from, to, apart, usable, costOf }: Fork): readonly [Half, Half, readonly Flow[]] {
  const flows: Flow[] = [];
  const add = (one: Half, other: Half, cost: number, link?: NetworkLink): void => {
    const flow = { from: one, to: other, cost, link, used: false };
    one.flows.push(flow);
    other.flows.push(flow);
    flows.push(flow);
  };
  const half = (node: string): Half => ({ node, flows: [] });
  const whole = wholeCosts(network.links.filter(usable), costOf);
  const halves = new Map<Vertex, readonly [Half, Half]>();
  for (const vertex of network.vertices) {
    const [entered, left] = [half(vertex.id), half(vertex.id)];
    halves.set(vertex, [entered, left]);
    if (vertex.id === from || to.includes(vertex.id)) continue;
    for (let passages = apart === "nodes" ? 1 : 2; passages > 0; passages--) add(entered, left, 0);
  }
  for (const [vertex, [, left]] of halves) {
    for (const { link, to: next } of vertex.arcs) {
      const [entered] = halves.get(next) ?? [];
      if (entered !== undefined && usable(link)) add(left, entered, whole(link), link);
    }
  }
  const end = half("");
  for (const node of to) {
    const [entered] = halves.get(network.vertex(node)) ?? [];
    if (entered !== undefined) add(entered, end, 0);
  }
  const [, start = end] = halves.get(network.vertex(from)) ?? [];
  return [start, end, flows];
}

/**
 * Costs as whole numbers, as fine as lets all of them together be added exactly: what a way gains by a link and loses by undoing
 * one of the same cost must be nothing, or the search would go round and round there for the last bit of it.
 */
function wholeCosts(links: readonly NetworkLink[], costOf: Fork["costOf"]): Fork["costOf"] {
  const total = links.reduce((sum, link) => sum + costOf(link), 0);
  const unit = total > 0 ? 2 ** (EXACT_BITS - Math.ceil(Math.log2(total))) : 1;
  return (link) => Math.round(costOf(link) * unit);
}

/** Adds one way, undoing parts of the one before where that is cheaper (Bellman and Ford). Whether there was one. */
function augment(start: Half, end: Half): boolean {
  const least = new Map<Half, number>([[start, 0]]);
  const cameBy = new Map<Half, Flow>();
  const queued = new Set<Half>([start]);
  for (const here of queued) {
    // A set is read in the order in which it is filled: what is added again is read again.
    queued.delete(here);
    for (const flow of here.flows) {
      if ((flow.used ? flow.to : flow.from) !== here) continue;
      const [next, cost] = flow.used ? [flow.from, -flow.cost] : [flow.to, flow.cost];
      const found = (least.get(here) ?? 0) + cost;
      if (found >= (least.get(next) ?? Number.POSITIVE_INFINITY)) continue;
      least.set(next, found);
      cameBy.set(next, flow);
      queued.add(next);
    }
  }
  if (!least.has(end)) return false;
  for (let at = end; at !== start; ) {
    const flow = cameBy.get(at);
    if (flow === undefined) return false;
    at = flow.used ? flow.to : flow.from;
    flow.used = !flow.used;
  }
  return true;
}

/** One of the two ways, whose flows are taken out. */
function walk({ from }: Fork, flows: Flow[]): readonly NetworkLink[] {
  const way: NetworkLink[] = [];
  const nodes = [from];
  for (let at: string | undefined = from; at !== undefined; ) {
    const here: string = at;
    const index = flows.findIndex((flow) => flow.link !== undefined && flow.from.node === here);
    const [taken] = index < 0 ? [] : flows.splice(index, 1);
    at = taken?.to.node;
    if (taken?.link === undefined || at === undefined) break;
    way.push(taken.link);
    // Where the two ways cross, one may have turned into a loop that costs nothing.
    const before = nodes.indexOf(at);
    if (before < 0) nodes.push(at);
    else way.length = before;
    nodes.length = way.length + 1;
  }
  return way;
}

function endOf(from: string, links: readonly NetworkLink[]): string {
  return links.reduce((at, { ends: [one, other] }) => (one === at ? other : one), from);
}
