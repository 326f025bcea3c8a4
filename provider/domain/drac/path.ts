import type { Topology } from "../config.ts";
import { type Link, otherEnd } from "../topology.ts";

interface Way {
  readonly domain: string;
  readonly delayMs: number;
  readonly links: readonly Link[];
}

/**
 * The links of the fastest way (fewest ms) from one domain to another over usable links, by Dijkstra's algorithm;
 * empty if they are the same, undefined if there is none.
 */
export function fastestPath(
  topology: Topology,
  from: string,
  to: string,
  usable: (link: Link) => boolean,
): readonly Link[] | undefined {
  const links = topology.links.filter(usable);
  const settled = new Set<string>();
  const open: Way[] = [{ domain: from, delayMs: 0, links: [] }];
  for (;;) {
    open.sort((one, other) => one.delayMs - other.delayMs);
    const way = open.shift();
    if (way === undefined) return undefined;
    if (way.domain === to) return way.links;
    if (settled.has(way.domain)) continue;
    settled.add(way.domain);
    for (const link of links) {
      if (link.a.domain !== way.domain && link.b.domain !== way.domain) continue;
      const domain = otherEnd(link, way.domain);
      if (!settled.has(domain)) {
        open.push({ domain, delayMs: way.delayMs + link.delayMs, links: [...way.links, link] });
      }
    }
  }
}

/** The domains along a path, the first one given. */
export function domainsAlong(from: string, links: readonly Link[]): readonly string[] {
  const domains = [from];
  let here = from;
  for (const link of links) {
    here = otherEnd(link, here);
    domains.push(here);
  }
  return domains;
}
