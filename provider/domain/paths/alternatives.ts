import { cheapestWay, type Found, type Search } from "./cheapest.ts";
import type { Arc, Network } from "./network.ts";
import type { Way } from "./way.ts";

/**
 * Ways that keep to the constraints, the cheapest first, without end but for the ways there are: Yen's algorithm (1971), by
 * which each next way leaves an earlier one at some node. Ends with "undecided" where a search had to be given up.
 */
export function* waysInOrder(search: Search): Generator<Way | "undecided", void> {
  const given: Way[] = [];
  const waiting = new Map<string, Way>();
  for (let next: Found<Way> = cheapestWay(search); next !== undefined; next = takeCheapest(waiting)) {
    yield next;
    if (next === "undecided") return;
    given.push(next);
    for (const way of deviations(search, next, given)) {
      if (way === "undecided") {
        yield way;
        return;
      }
      waiting.set(keyOf(way), way);
    }
  }
}

/** The `k` cheapest ways, or as many as there are. `complete` is false where a search had to be given up. */
export function alternatives(search: Search, k: number): { readonly ways: readonly Way[]; readonly complete: boolean } {
  const ways: Way[] = [];
  for (const way of waysInOrder(search)) {
    if (way === "undecided") return { ways, complete: false };
    ways.push(way);
    if (ways.length === k) break;
  }
  return { ways, complete: true };
}

/** The cheapest ways that follow a given one up to each of its nodes, and leave it, and every other given one, there. */
function* deviations(search: Search, way: Way, given: readonly Way[]): Generator<Way | "undecided"> {
  const arcs = arcsOf(search.network, way);
  const avoided = search.constraints.avoidLinks ?? [];
  for (let spur = 0; spur < way.links.length; spur++) {
    const same = given.filter(({ links }) => way.links.slice(0, spur).every((link, index) => links[index] === link));
    const left = same.flatMap(({ links }) => links[spur]?.id ?? []);
    const constraints = { ...search.constraints, avoidLinks: [...avoided, ...left] };
    const found = cheapestWay({ ...search, constraints, root: arcs.slice(0, spur) });
    if (found !== undefined) yield found;
  }
}

function arcsOf(network: Network, { nodes, links }: Way): readonly Arc[] {
  return links.map((link, index) => ({ link, to: network.vertex(nodes[index + 1] ?? "") }));
}

function keyOf({ links }: Way): string {
  return links.map(({ id }) => id).join(" ");
}

function takeCheapest(waiting: Map<string, Way>): Way | undefined {
  let least: Way | undefined;
  for (const way of waiting.values()) {
    if (least === undefined || way.cost < least.cost || (way.cost === least.cost && way.delayMs < least.delayMs))
      least = way;
  }
  if (least !== undefined) waiting.delete(keyOf(least));
  return least;
}
