import type { PathConstraints } from "../../aaa/wire.ts";
import type { Drac } from "../../context.ts";
import { TurntableError } from "../../errors.ts";
import type { PairRequest } from "../../lightpath/drac/wire.ts";
import type { Offer, TimeWindow } from "../../lightpath/lightpath.ts";

/** Constraints name so many links, or domains, at most. */
const MOST_NAMES = 16;

export type Apart = PairRequest["apart"];

/** What both ways are wanted for. */
export interface Wish {
  readonly from: string;
  readonly to: string;
  readonly bandwidthMbps: number;
  readonly window: TimeWindow;
  readonly constraints: PathConstraints | undefined;
}

/** The domains of a grant, in order. */
type Domains = readonly string[];

/**
 * Two ways that do not fail together, the first over the domains of the first grant, the second over those of the second (which
 * may be the same): as constraints for each, under which the network takes that way and no other. A reservation names no way;
 * and of risk groups only the network knows which links have one in common.
 */
export async function waysApart(
  drac: Drac,
  wish: Wish,
  apart: Apart,
  grants: readonly [Domains, Domains],
): Promise<readonly [PathConstraints, PathConstraints]> {
  const [one, other] = await pairOver(drac, wish, apart, grants);
  // As `includeDomains` is meant: one way over them is enough.
  const { includeDomains: _, ...second } = wish.constraints ?? {};
  return [
    await bound(drac, { ...wish, constraints: without(other, apart, wish.constraints ?? {}) }, one),
    await bound(drac, { ...wish, constraints: without(one, apart, second) }, other),
  ];
}

/** A pair of the whole network's, less and less of which is left until both ways are over the domains of the grants. */
async function pairOver(
  drac: Drac,
  wish: Wish,
  apart: Apart,
  grants: readonly [Domains, Domains],
): Promise<readonly [Offer, Offer]> {
  const [over, beside] = grants;
  if (apart === "domains") requireApart(over, beside);
  for (let constraints = wish.constraints ?? {}; ; ) {
    const { working, protecting } = await drac.pair({ offer: { ...wish, constraints }, apart });
    if (isOver(working, over) && isOver(protecting, beside)) return inTime(wish, [working, protecting]);
    if (isOver(protecting, over) && isOver(working, beside)) return inTime(wish, [protecting, working]);
    const foreign = [working, protecting].flatMap((way) => linksOff(way, grants));
    // Both are over the domains of one grant, by links side by side.
    const avoid = foreign.length > 0 ? foreign : protecting.links;
    constraints = { ...constraints, avoidLinks: named(constraints.avoidLinks, avoid) };
  }
}

/** More and more constraints, until the way that the network would take is this one. */
async function bound(drac: Drac, wish: Wish, way: Offer): Promise<PathConstraints> {
  for (let constraints = wish.constraints ?? {}; ; ) {
    const [taken] = await drac.alternatives({ offer: { ...wish, constraints }, most: 1 });
    const others = taken?.links.filter((link) => !way.links.includes(link)) ?? [];
    if (others.length === 0) return constraints;
    constraints = { ...constraints, avoidLinks: named(constraints.avoidLinks, others) };
  }
}

/** Constraints to avoid what a way must not have in common with another. */
function without({ links, hops }: Offer, apart: Apart, constraints: PathConstraints): PathConstraints {
  const avoidLinks = named(constraints.avoidLinks, links);
  if (apart === "links") return { ...constraints, avoidLinks };
  return { ...constraints, avoidLinks, avoidDomains: named(constraints.avoidDomains, inner(hops)) };
}

function named(before: readonly string[] | undefined, more: readonly string[]): string[] {
  const all = [...new Set([...(before ?? []), ...more])];
  if (all.length <= MOST_NAMES) return all;
  throw new TurntableError("lightpath.failed", `Two ways apart cannot be told by ${MOST_NAMES} names to avoid`, {
    retry: "never",
    next: "Leave fewer ways to choose from: avoid more domains or risk groups by `constraints`.",
  });
}

function isOver({ hops }: Offer, domains: Domains): boolean {
  return hops.join() === domains.join();
}

/** Links between domains that follow each other in no grant. */
function linksOff({ hops, links }: Offer, grants: readonly Domains[]): readonly string[] {
  const follows = (one: string | undefined, other: string | undefined) =>
    grants.some((domains) => domains.some((domain, index) => domain === one && domains[index + 1] === other));
  return links.filter((_, index) => !follows(hops[index], hops[index + 1]));
}

const inner = (domains: Domains): Domains => domains.slice(1, -1);

function requireApart(over: Domains, beside: Domains): void {
  const shared = inner(over).filter((domain) => inner(beside).includes(domain));
  if (shared.length === 0) return;
  const both = `The grant and the protectingGrant lead both over ${shared.join(", ")}`;
  throw new TurntableError("input.invalid", both, {
    retry: "never",
    next: `Declare the second AuthToken with constraints: {avoidDomains: ${JSON.stringify(inner(over))}}.`,
  });
}

/** A pair is offered for the first time at which there is one. */
function inTime({ bandwidthMbps, window }: Wish, pair: readonly [Offer, Offer]): readonly [Offer, Offer] {
  const startMs = Date.parse(pair[0].startsAt);
  const lateMs = startMs - Date.parse(window.start);
  if (lateMs <= 0) return pair;
  const when = `from ${window.start} to ${window.end}`;
  const [start, end] = [startMs, Date.parse(window.end) + lateMs].map((ms) => new Date(ms).toISOString());
  throw new TurntableError("domain.refused", `No two ways apart have ${bandwidthMbps} Mbps free ${when}`, {
    retry: "safe",
    next: `Ask for ${start} to ${end}, the next time that is free for as long.`,
  });
}
