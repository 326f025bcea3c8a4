import type { Network, NetworkLink, Vertex } from "./network.ts";

/** What two ways must not share: links, or nodes either (but their ends). */
export type Apart = "links" | "nodes";

/** A half of a node (the other one is left through), so that a node is passed once: Bhandari's split. */
type Half = `${string} ${"in" | "out"}`;

interface Flow {
  readonly from: Half;
  readonly to: Half;
  readonly cost: number;
  readonly link: NetworkLink | undefined;
  /** Whether the first way, or the second, uses it. */
  used: boolean;
}

/**
 * Two ways that share no link (or no node) and cost least together, as the links of each in order: successive cheapest paths
 * through what the first one leaves (Suurballe 1974, Bhandari 1999), which takes no wrong turn for good. Undefined if there are
 * none: certain, as is that none are cheaper. Knows of no delay, label or risk group.
 */
export function disjointWays(
  network: Network,
  ends: readonly [string, string],
  apart: Apart,
  usable: (link: NetworkLink) => boolean,
): readonly [readonly NetworkLink[], readonly NetworkLink[]] | undefined {
  const [from, to] = ends;
  const flows = [...network.vertices].flatMap((vertex) => flowsOf(vertex, apart, ends, usable));
  for (let round = 0; round < 2; round++) if (!augment(flows, `${from} out`, `${to} in`)) return undefined;
  // A link used in both directions is used by neither way.
  const links = flows.filter(({ used, link }) => used && link !== undefined);
  const kept = links.filter((one) => !links.some((other) => other !== one && other.link === one.link));
  const walk = (): readonly NetworkLink[] => {
    const way: NetworkLink[] = [];
    const nodes = [from];
    for (let at = from; at !== to; ) {
      const taken = kept.find((flow) => flow.from === `${at} out`);
      if (taken?.link === undefined) break;
      kept.splice(kept.indexOf(taken), 1);
      at = taken.to.slice(0, -" in".length);
      // Where the two ways cross, one may have turned into a loop that costs nothing.
      const before = nodes.indexOf(at);
      if (before < 0) {
        way.push(taken.link);
        nodes.push(at);
      } else {
        way.length = before;
        nodes.length = before + 1;
      }
    }
    return way;
  };
  return [walk(), walk()];
}

function flowsOf(
  { id, arcs }: Vertex,
  apart: Apart,
  ends: readonly [string, string],
  usable: (link: NetworkLink) => boolean,
): Flow[] {
  const through = { from: `${id} in`, to: `${id} out`, cost: 0, link: undefined } as const;
  const passages = apart === "nodes" && !ends.includes(id) ? 1 : 2;
  return [
    ...Array.from({ length: passages }, () => ({ ...through, used: false })),
    ...arcs
      .filter(({ link }) => usable(link))
      .map(({ link, to }) => {
        return { from: `${id} out`, to: `${to.id} in`, cost: link.cost, link, used: false } as const;
      }),
  ];
}

/** Adds one way, undoing parts of the one before where that is cheaper (Bellman and Ford). Whether there was one. */
function augment(flows: readonly Flow[], from: Half, to: Half): boolean {
  const leaving = new Map<Half, Flow[]>();
  for (const flow of flows) {
    const at = flow.used ? flow.to : flow.from;
    leaving.set(at, [...(leaving.get(at) ?? []), flow]);
  }
  const least = new Map<Half, number>([[from, 0]]);
  const cameBy = new Map<Half, Flow>();
  const queue: Half[] = [from];
  const queued = new Set<Half>(queue);
  for (let here = queue.shift(); here !== undefined; here = queue.shift()) {
    queued.delete(here);
    for (const flow of leaving.get(here) ?? []) {
      const [next, cost] = flow.used ? [flow.from, -flow.cost] : [flow.to, flow.cost];
      const found = (least.get(here) ?? 0) + cost;
      if (found >= (least.get(next) ?? Number.POSITIVE_INFINITY)) continue;
      least.set(next, found);
      cameBy.set(next, flow);
      if (queued.has(next)) continue;
      queued.add(next);
      queue.push(next);
    }
  }
  if (!least.has(to)) return false;
  for (let at = to; at !== from; ) {
    const flow = cameBy.get(at);
    if (flow === undefined) return false;
    at = flow.used ? flow.to : flow.from;
    flow.used = !flow.used;
  }
  return true;
}
