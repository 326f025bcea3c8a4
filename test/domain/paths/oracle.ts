import type { Constraints } from "../../../provider/domain/paths/constraints.ts";
import type { NetworkLink, NetworkNode } from "../../../provider/domain/paths/network.ts";
import type { Span, Taken } from "../../../provider/domain/paths/timetable.ts";

export type Booked = Taken & { readonly link: number };

/** A small network and what is booked in it, looked at moment by moment and way by way. */
export interface World {
  readonly nodes: readonly NetworkNode[];
  readonly links: readonly NetworkLink[];
  readonly bookings: readonly Booked[];
}

export interface Walk {
  readonly nodes: readonly string[];
  readonly links: readonly NetworkLink[];
}

export const costOf = ({ links }: Walk): number => links.reduce((sum, { cost }) => sum + cost, 0);
export const delayOf = ({ links }: Walk): number => links.reduce((sum, { delayMs }) => sum + delayMs, 0);

/** Every way that enters no node twice. */
export function everyWay({ links }: World, from: string, to: string, so: Walk = { nodes: [from], links: [] }): Walk[] {
  if (from === to) return [so];
  return links.flatMap((link) => {
    const [one, other] = link.ends;
    if (one !== from && other !== from) return [];
    const next = one === from ? other : one;
    if (so.nodes.includes(next)) return [];
    return everyWay({ nodes: [], links, bookings: [] }, next, to, {
      nodes: [...so.nodes, next],
      links: [...so.links, link],
    });
  });
}

export function keeps(walk: Walk, constraints: Constraints): boolean {
  const {
    maxDelayMs = Number.POSITIVE_INFINITY,
    include = [],
    avoidNodes = [],
    avoidLinks = [],
    avoidRiskGroups = [],
  } = constraints;
  return (
    delayOf(walk) <= maxDelayMs &&
    include.every((node) => walk.nodes.includes(node)) &&
    !avoidNodes.some((node) => walk.nodes.includes(node)) &&
    !walk.links.some(
      ({ id, riskGroups }) => avoidLinks.includes(id) || riskGroups.some((group) => avoidRiskGroups.includes(group)),
    )
  );
}

/** The labels with which a link is free at every whole moment of a span, by looking at each. */
export function freeLabels(
  { links, bookings }: World,
  link: NetworkLink,
  mbps: number,
  { fromMs, untilMs }: Span,
): number[] {
  let labels = link.labels.flatMap(([first, last]) =>
    Array.from({ length: last - first + 1 }, (_, index) => first + index),
  );
  for (let ms = fromMs; ms < untilMs; ms++) {
    const now = bookings.filter((one) => links[one.link] === link && one.fromMs <= ms && ms < one.untilMs);
    if (now.reduce((sum, one) => sum + one.mbps, 0) + mbps > link.capacityMbps) return [];
    labels = labels.filter((label) => !now.some((one) => one.label === label));
  }
  return labels;
}

/** Whether some choice of labels, one a link, changes only at nodes that translate: by trying each. */
export function canBeLabelled(world: World, walk: Walk, mbps: number, span: Span, index = 0, before?: number): boolean {
  const link = walk.links[index];
  if (link === undefined) return true;
  const swaps = world.nodes.find(({ id }) => id === walk.nodes[index])?.swapsLabels ?? false;
  return freeLabels(world, link, mbps, span)
    .filter((label) => before === undefined || swaps || label === before)
    .some((label) => canBeLabelled(world, walk, mbps, span, index + 1, label));
}
