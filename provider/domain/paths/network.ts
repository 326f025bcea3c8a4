import TinyQueue from "tinyqueue";
import { type LabelRange, type LabelSet, labelSet } from "./labels.ts";

/** A domain, or a place where paths end. */
export interface NetworkNode {
  readonly id: string;
  /** Whether it joins a label to any other (VLAN translation); else a path leaves by the label by which it came. */
  readonly swapsLabels: boolean;
}

/** What joins two nodes; both directions share it. */
export interface NetworkLink {
  readonly id: string;
  readonly ends: readonly [string, string];
  readonly capacityMbps: number;
  readonly delayMs: number;
  readonly cost: number;
  /** What it shares with others that then fail with it: a duct, a bridge. */
  readonly riskGroups: readonly string[];
  /** One connection at a time each. */
  readonly labels: readonly LabelRange[];
}

export interface Vertex extends NetworkNode {
  readonly arcs: readonly Arc[];
}

/** A link, seen from one of its ends. */
export interface Arc {
  readonly link: NetworkLink;
  readonly to: Vertex;
}

/** A network as it is built, whatever is reserved in it. */
export class Network {
  readonly links: readonly NetworkLink[];
  readonly #vertices = new Map<string, Vertex>();
  readonly #labels = new Map<NetworkLink, LabelSet>();
  readonly #distances = new Map<string, ReadonlyMap<Vertex, number>>();

  /** Throws RangeError if a link ends nowhere. */
  constructor(nodes: readonly NetworkNode[], links: readonly NetworkLink[]) {
    this.links = links;
    const arcs = new Map(nodes.map((node) => [node.id, [] as Arc[]]));
    for (const node of nodes) this.#vertices.set(node.id, { ...node, arcs: arcs.get(node.id) ?? [] });
    for (const link of links) {
      const [one, other] = link.ends;
      arcs.get(one)?.push({ link, to: this.vertex(other) });
      arcs.get(other)?.push({ link, to: this.vertex(one) });
      this.#labels.set(link, labelSet(link.labels));
    }
  }

  get vertices(): Iterable<Vertex> {
    return this.#vertices.values();
  }

  /** Throws RangeError if there is none of this name. */
  vertex(id: string): Vertex {
    const found = this.#vertices.get(id);
    if (found === undefined) throw new RangeError(`there is no node ${id} in the network`);
    return found;
  }

  labelsOf(link: NetworkLink): LabelSet {
    return this.#labels.get(link) ?? 0n;
  }

  /** The least cost, or delay in ms, from each node to one, were all links free: no search finds less. Absent: no way. */
  leastTo(to: Vertex, what: "cost" | "delayMs"): ReadonlyMap<Vertex, number> {
    const key = `${what} ${to.id}`;
    const known = this.#distances.get(key);
    if (known !== undefined) return known;
    const least = distancesTo(to, what);
    this.#distances.set(key, least);
    return least;
  }
}

/** By Dijkstra's algorithm. */
function distancesTo(to: Vertex, what: "cost" | "delayMs"): ReadonlyMap<Vertex, number> {
  const least = new Map<Vertex, number>([[to, 0]]);
  const settled = new Set<Vertex>();
  const open = new TinyQueue<readonly [Vertex, number]>([[to, 0]], (one, other) => one[1] - other[1]);
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const [here, soFar] = next;
    if (settled.has(here)) continue;
    settled.add(here);
    for (const { link, to: there } of here.arcs) {
      const found = soFar + link[what];
      if (found >= (least.get(there) ?? Number.POSITIVE_INFINITY)) continue;
      least.set(there, found);
      open.push([there, found]);
    }
  }
  return least;
}
