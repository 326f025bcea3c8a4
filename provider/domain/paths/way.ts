import { ALL_LABELS, type LabelSet, lowest, NO_LABELS, only } from "./labels.ts";
import type { Network, NetworkLink } from "./network.ts";

/** A way through a network, from node to node, that is on no node twice. */
export interface Way {
  /** One more than links. */
  readonly nodes: readonly string[];
  readonly links: readonly NetworkLink[];
  readonly cost: number;
  /** One way. */
  readonly delayMs: number;
}

/** The way that begins at a node and takes these links. */
export function wayAlong(from: string, links: readonly NetworkLink[]): Way {
  const nodes = [from];
  for (const {
    ends: [one, other],
  } of links)
    nodes.push(nodes.at(-1) === one ? other : one);
  const sum = (what: "cost" | "delayMs"): number => links.reduce((total, link) => total + link[what], 0);
  return { nodes, links, cost: sum("cost"), delayMs: sum("delayMs") };
}

/** The labels that are free on a link; none where it has not the rate left. */
export type FreeLabels = (link: NetworkLink) => LabelSet;

/**
 * A label for each link of a way, the lowest that do: the same on both sides of a node that does not translate.
 * Undefined where there are none.
 */
export function labelsFor(network: Network, { nodes, links }: Way, free: FreeLabels): readonly number[] | undefined {
  const swaps = (index: number): boolean => network.vertex(nodes[index] ?? "").swapsLabels;
  let before = ALL_LABELS;
  const possible = links.map((link, index) => {
    before = free(link) & (index === 0 || swaps(index) ? ALL_LABELS : before);
    return before;
  });
  if (possible.includes(NO_LABELS)) return undefined;
  const chosen: number[] = [];
  // From the end: what is possible there was possible before, wherever it must be the same.
  for (let index = links.length - 1; index >= 0; index--) {
    const [next] = chosen;
    const bound = next !== undefined && !swaps(index + 1) ? only(next) : ALL_LABELS;
    chosen.unshift(lowest((possible[index] ?? NO_LABELS) & bound));
  }
  return chosen;
}
