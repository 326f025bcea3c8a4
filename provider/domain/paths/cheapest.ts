import TinyQueue from "tinyqueue";
import { type Constraints, Permits } from "./constraints.ts";
import { ALL_LABELS, type LabelSet, NO_LABELS } from "./labels.ts";
import type { Arc, Network, NetworkLink, Vertex } from "./network.ts";
import { cheapestThrough } from "./through.ts";
import { type FreeLabels, labelsFor, type Way, wayAlong } from "./way.ts";

/** What is looked for, and where. */
export interface Search {
  readonly network: Network;
  readonly from: string;
  readonly to: string;
  readonly constraints: Constraints;
  readonly free: FreeLabels;
  /** Nodes and links that the way begins with (Yen's root). */
  readonly root?: readonly Arc[];
}

/** "undecided": too many ways were looked at, and none was found yet. */
export type Found<T> = T | undefined | "undecided";

/** A way to a node, still to be led on. */
interface Branch {
  readonly at: Vertex;
  readonly arc: Arc | undefined;
  readonly before: Branch | undefined;
  readonly cost: number;
  readonly delayMs: number;
  /** So far, and the least that is still to come. */
  readonly atLeast: number;
  readonly atLeastMs: number;
  /** With which it can be led on. */
  readonly labels: LabelSet;
  /** Of `include`, one bit each. */
  readonly included: number;
}

/** To find a way over given nodes that enters none twice is hard (NP): a search is ended somewhere. */
const MOST_BRANCHES = 20_000;

/**
 * The cheapest way that keeps to the constraints, over links with a free label (the same on both sides of a node that does
 * not translate); of several the fastest. Throws RangeError for an unknown node.
 */
export function cheapestWay(search: Search): Found<Way> {
  // To let a way cross itself makes the search short. Mostly it does not gain by that, and else the hard search begins.
  const loose = explore(search, false);
  if (loose === undefined || loose === "undecided" || isSimple(loose)) return loose;
  const threaded = withOneStop(search);
  return threaded === "unsuited" ? explore(search, true) : threaded;
}

function isSimple({ nodes }: Way): boolean {
  return new Set(nodes).size === nodes.length;
}

/** The cheapest way over one node that is to be included, if delays and labels, of which that search does not know, suit it. */
function withOneStop({ network, from, to, constraints, free, root = [] }: Search): Way | undefined | "unsuited" {
  const begun = [from, ...root.map((arc) => arc.to.id)];
  const [stop, ...more] = (constraints.include ?? []).filter((id) => !begun.includes(id) && id !== to);
  if (stop === undefined || more.length > 0) return "unsuited";
  const permits = new Permits(constraints);
  const passed = new Set(begun.slice(0, -1));
  const usable = (link: NetworkLink): boolean =>
    !link.ends.some((end) => passed.has(end)) && permits.allows(link) && free(link) !== NO_LABELS;
  const rest = cheapestThrough(network, [begun.at(-1) ?? from, stop, to], usable);
  if (rest === undefined) return undefined;
  const way = wayAlong(from, [...root.map(({ link }) => link), ...rest.links]);
  if (way.delayMs > (constraints.maxDelayMs ?? Number.POSITIVE_INFINITY)) return "unsuited";
  return labelsFor(network, way, free) === undefined ? "unsuited" : way;
}

/**
 * A label-setting search (Martins 1984) led by the least cost to come (A*): a branch that is no better in any respect than
 * another at the same node is given up. `strict`: no node twice.
 */
function explore(search: Search, strict: boolean): Found<Way> {
  const { network, constraints, free } = search;
  const [from, to] = [network.vertex(search.from), network.vertex(search.to)];
  const include = (constraints.include ?? []).filter((id) => id !== from.id && id !== to.id);
  const permits = new Permits(constraints);
  const toCome = costToCome(network, to, include);
  const delayToCome = network.leastTo(to, "delayMs");
  const maxDelayMs = constraints.maxDelayMs ?? Number.POSITIVE_INFINITY;
  const all = 2 ** include.length - 1;
  const rooted = new Set<Vertex>();

  const onward = (branch: Branch, arc: Arc): Branch | undefined => {
    const { link, to: at } = arc;
    if (rooted.has(at) || !permits.allows(link) || (strict && isOn(branch, at))) return undefined;
    const delayMs = branch.delayMs + link.delayMs;
    const atLeastMs = delayMs + (delayToCome.get(at) ?? Number.POSITIVE_INFINITY);
    if (atLeastMs > maxDelayMs) return undefined;
    const bit = include.indexOf(at.id);
    const included = bit < 0 ? branch.included : branch.included | (1 << bit);
    const cost = branch.cost + link.cost;
    const atLeast = cost + toCome(at, included);
    if (atLeast === Number.POSITIVE_INFINITY) return undefined;
    const here = free(link) & branch.labels;
    if (here === NO_LABELS) return undefined;
    const labels = at.swapsLabels ? ALL_LABELS : here;
    return { at, arc, before: branch, cost, delayMs, atLeast, atLeastMs, labels, included };
  };

  const start = { at: from, arc: undefined, before: undefined, cost: 0, delayMs: 0, atLeast: 0, atLeastMs: 0 };
  let first: Branch | undefined = { ...start, labels: ALL_LABELS, included: 0 };
  for (const arc of search.root ?? []) {
    rooted.add(first.at);
    first = onward(first, arc);
    if (first === undefined) return undefined;
  }
  const open = new TinyQueue<Branch>([first], (a, b) => a.atLeast - b.atLeast || a.atLeastMs - b.atLeastMs);
  const settled = new Map<Vertex, Branch[]>();
  let looked = 0;
  for (let branch = open.pop(); branch !== undefined; branch = open.pop()) {
    const here = branch;
    if (here.at === to) {
      if (here.included === all) return wayOf(here);
      continue;
    }
    const known = settled.get(here.at);
    if (known?.some((better) => outdoes(better, here, maxDelayMs, strict))) continue;
    if (++looked > MOST_BRANCHES) return "undecided";
    if (known === undefined) settled.set(here.at, [here]);
    else known.push(here);
    for (const arc of here.at.arcs) {
      const next = onward(here, arc);
      if (next !== undefined) open.push(next);
    }
  }
  return undefined;
}

/** The least that a way from here can still cost: to the end, over the dearest of the nodes that are still to be included. */
function costToCome(network: Network, to: Vertex, include: readonly string[]) {
  const toEnd = network.leastTo(to, "cost");
  const stops = include.map((id) => {
    const stop = network.vertex(id);
    return { toStop: network.leastTo(stop, "cost"), onward: toEnd.get(stop) ?? Number.POSITIVE_INFINITY };
  });
  return (from: Vertex, included: number): number => {
    let least = toEnd.get(from) ?? Number.POSITIVE_INFINITY;
    stops.forEach(({ toStop, onward }, index) => {
      if ((included & (1 << index)) !== 0) return;
      least = Math.max(least, (toStop.get(from) ?? Number.POSITIVE_INFINITY) + onward);
    });
    return least;
  };
}

function isOn(branch: Branch, vertex: Vertex): boolean {
  for (let step: Branch | undefined = branch; step !== undefined; step = step.before) {
    if (step.at === vertex) return true;
  }
  return false;
}

/** Whether whatever can follow one branch can follow the other, for no more. */
function outdoes(better: Branch, worse: Branch, maxDelayMs: number, strict: boolean): boolean {
  if (better.cost > worse.cost || (better.labels & worse.labels) !== worse.labels) return false;
  if (maxDelayMs < Number.POSITIVE_INFINITY && better.delayMs > worse.delayMs) return false;
  if ((better.included & worse.included) !== worse.included) return false;
  if (!strict) return true;
  // What follows the one must not come back to where only the other was.
  for (let step: Branch | undefined = better; step !== undefined; step = step.before) {
    if (!isOn(worse, step.at)) return false;
  }
  return true;
}

function wayOf(end: Branch): Way {
  const nodes: string[] = [];
  const links: NetworkLink[] = [];
  for (let step: Branch | undefined = end; step !== undefined; step = step.before) {
    nodes.unshift(step.at.id);
    if (step.arc !== undefined) links.unshift(step.arc.link);
  }
  return { nodes, links, cost: end.cost, delayMs: end.delayMs };
}
