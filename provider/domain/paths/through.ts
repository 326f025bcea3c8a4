import { disjointWays } from "./disjoint.ts";
import type { Network, NetworkLink } from "./network.ts";
import { type Way, wayAlong } from "./way.ts";

/** A cost is weighed above all delays, in ms, that a way can have. */
const ABOVE_ALL_DELAYS = 10_000_000;

/**
 * The cheapest way from one node to another through a third that enters none twice; of several the fastest. From the third, it
 * is two ways that share no node. Undefined if there is none: certain, and in polynomial time. Knows of no labels or delays.
 */
export function cheapestThrough(
  network: Network,
  [from, stop, to]: readonly [string, string, string],
  usable: (link: NetworkLink) => boolean,
): Way | undefined {
  const costOf = ({ cost, delayMs }: NetworkLink): number => cost * ABOVE_ALL_DELAYS + delayMs;
  const ways = disjointWays(network, { from: stop, to: [from, to], apart: "nodes", usable, costOf });
  return ways && wayAlong(from, [...ways[0].toReversed(), ...ways[1]]);
}
