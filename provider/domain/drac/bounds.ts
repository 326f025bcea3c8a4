import type { PathConstraints } from "../../aaa/wire.ts";
import type { Constraints } from "../paths/constraints.ts";
import { linkNode } from "./known-times.ts";

/** What was asked of a way, as a search over known times understands it: there a link is a node between its two ends. */
export function boundsOf({
  maxDelayMs,
  includeDomains = [],
  avoidDomains = [],
  avoidLinks = [],
  avoidRiskGroups = [],
}: PathConstraints): Constraints {
  const avoidNodes = [...avoidDomains, ...avoidLinks.map(linkNode)];
  const bound = { include: includeDomains, avoidNodes, avoidRiskGroups };
  return maxDelayMs === undefined ? bound : { ...bound, maxDelayMs };
}

/** Why no way over these domains, in this order, can keep to the constraints, one sentence each, as far as names tell. */
export function unmetBy(
  domains: readonly string[],
  { includeDomains = [], avoidDomains = [] }: PathConstraints,
): readonly string[] {
  return [
    ...includeDomains.filter((domain) => !domains.includes(domain)).map((domain) => `it does not lead over ${domain}`),
    ...avoidDomains.filter((domain) => domains.includes(domain)).map((domain) => `it leads over ${domain}`),
  ];
}
