import type { Topology } from "../config.ts";
import { Network, type NetworkLink, type NetworkNode } from "../paths/network.ts";
import { Timetable } from "../paths/timetable.ts";
import { costOf, type Link, linksBetween, portsOn } from "../topology.ts";
import type { Occupancy, OccupancyRequest } from "../wire.ts";

export type Ask = (domain: string, request: OccupancyRequest) => Promise<Occupancy>;

/** Domains with every port that a way through them could use, and what is taken of each in time. */
export interface KnownTimes {
  readonly network: Network;
  readonly timetable: Timetable;
  /** Which port of which domain a link of this network stands for. */
  readonly portOf: (link: NetworkLink) => { readonly domain: string; readonly port: string };
}

const STP = "stp ";
const LINK = "link ";
export const stpNode = (stp: string): string => STP + stp;
export const linkNode = (id: string): string => LINK + id;

/** Of the nodes of a way: the domains, and the names of the links between them. */
export function partsOf(nodes: readonly string[]): { readonly hops: string[]; readonly links: string[] } {
  const links = nodes.filter((node) => node.startsWith(LINK)).map((node) => node.slice(LINK.length));
  return { hops: nodes.filter((node) => !node.startsWith(LINK) && !node.startsWith(STP)), links };
}

/** The links that a way over these domains, in this order, can take. */
export function linksAlong(topology: Topology, domains: readonly string[]): readonly Link[] {
  return domains.slice(1).flatMap((next, index) => linksBetween(topology, domains[index] ?? "", next));
}

/** All links between any of these domains. */
export function linksAmong({ links }: Topology, domains: readonly string[]): readonly Link[] {
  return links.filter(({ a, b }) => domains.includes(a.domain) && domains.includes(b.domain));
}

/**
 * Asks all these domains at once. Both ends of a link keep a calendar each, so that a link becomes two with a node between
 * them that does not translate: what is wanted must be free at both, on the same channel.
 */
export async function timesOn(
  topology: Topology,
  domains: readonly string[],
  links: readonly Link[],
  { from, to, fromMs, untilMs }: { from: string; to: string; fromMs: number; untilMs: number },
  ask: Ask,
): Promise<KnownTimes> {
  const window = { start: new Date(fromMs).toISOString(), end: new Date(untilMs).toISOString() };
  const halves = [
    ...links.flatMap((link) => [halfOf(link, "a"), halfOf(link, "b")]),
    ...[from, to].flatMap((stp) => domains.flatMap((domain) => stpHalves(topology, domain, stp))),
  ];
  const asked = domains.map(async (domain) => {
    const ports = halves.filter((half) => half.domain === domain).map(({ port }) => port);
    return [domain, await ask(domain, { ports: [...new Set(ports)], window })] as const;
  });
  const answers = new Map(await Promise.all(asked));
  const known = halves.flatMap((half) => {
    const times = answers.get(half.domain)?.find(({ port }) => port === half.port);
    return times === undefined ? [] : [{ half, times }];
  });
  const made = known.map(({ half, times: { channels, capacityMbps = Number.POSITIVE_INFINITY } }) => {
    const { domain, port, to, delayMs, cost, riskGroups } = half;
    const shape = { capacityMbps, delayMs, cost, riskGroups, labels: [[0, channels - 1]] } as const;
    return { id: `${domain} ${port}`, ends: [domain, to], ...shape } satisfies NetworkLink;
  });
  const nodes: NetworkNode[] = domains.map((id) => ({ id, swapsLabels: true }));
  const between = new Set(halves.map(({ to }) => to));
  const network = new Network([...nodes, ...[...between].map((id) => ({ id, swapsLabels: false }))], made);
  const timetable = new Timetable(network);
  const ports = new Map<NetworkLink, { domain: string; port: string }>();
  known.forEach(({ half: { domain, port }, times: { taken } }, index) => {
    const link = made[index];
    if (link === undefined) return;
    ports.set(link, { domain, port });
    for (const { start, end, mbps, channel } of taken) {
      timetable.book(link, { fromMs: Date.parse(start), untilMs: Date.parse(end), mbps, label: channel });
    }
  });
  return { network, timetable, portOf: (link) => ports.get(link) ?? { domain: link.ends[0], port: "" } };
}

interface Half {
  readonly domain: string;
  readonly port: string;
  readonly to: string;
  readonly delayMs: number;
  readonly cost: number;
  readonly riskGroups: readonly string[];
}

function halfOf(link: Link, end: "a" | "b"): Half {
  const { domain, port } = link[end];
  const whole = { delayMs: link.delayMs, cost: costOf(link) };
  const named = { domain, port, to: linkNode(link.id), riskGroups: link.riskGroups ?? [] };
  return { ...named, ...(end === "a" ? whole : { delayMs: 0, cost: 0 }) };
}

function stpHalves(topology: Topology, domain: string, stp: string): readonly Half[] {
  return portsOn(topology, domain, { kind: "stp", stp }).map((port) => {
    return { domain, port, to: stpNode(stp), delayMs: 0, cost: 0, riskGroups: [] };
  });
}
