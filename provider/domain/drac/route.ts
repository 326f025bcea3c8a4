import type { ReserveRequest, Segment } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import type { Terminal } from "../element/element.ts";
import { Refused } from "../refused.ts";
import { domainOf, type Link, linksBetween, portAt, portsOn, sidesAt } from "../topology.ts";
import type { Availability, AvailabilityRequest } from "../wire.ts";
import { domainsAlong, fastestPath } from "./path.ts";

/** Which way a connection takes, port by port. */
export interface Route {
  readonly segments: readonly Segment[];
  /** There and back. */
  readonly rttMs: number;
}

type Room = ReadonlyMap<string, Availability>;
type Ask = (domain: string, request: AvailabilityRequest) => Promise<Availability>;

/**
 * The fastest way (fewest ms) along these domains on which every link has the rate left over the whole window, and a channel
 * that is free at both of its ends. Rejects with Refused: 403 if the domains do not lead there, 409 if there is no room.
 */
export async function findRoute(
  topology: Topology,
  domains: readonly string[],
  wish: ReserveRequest,
  ask: Ask,
): Promise<Route> {
  const [from, to] = [domainOf(topology, wish.from), domainOf(topology, wish.to)];
  if (domains[0] !== from || domains.at(-1) !== to) {
    throw new Refused(
      403,
      "token.insufficient",
      `the token's way (${domains.join(", ")}) does not lead from ${from} to ${to}`,
    );
  }
  const asked = domains.map(async (domain, index) => {
    const ports = sidesAt(domains, index, [wish.from, wish.to]).flatMap((side) => portsOn(topology, domain, side));
    return [domain, await ask(domain, { ports, window: wish.window })] as const;
  });
  const room: Room = new Map(await Promise.all(asked));
  const hops = domains.slice(1).map((next, index) => ({ one: domains[index] ?? from, next }));
  const open = new Set(hops.flatMap(({ one, next }) => linksBetween(topology, one, next)));
  const usable = (link: Link): boolean => channelOn(link, room, wish) !== undefined;
  const dead = hops.find(({ one, next }) => !linksBetween(topology, one, next).some(usable));
  if (dead) throw full([dead.one, dead.next], wish);
  const links = fastestPath(topology, from, to, (link) => open.has(link) && usable(link));
  // Two links of one hop are alternatives, but a shorter way that skips a domain would skip its consent.
  if (links === undefined || domainsAlong(from, links).join(" ") !== domains.join(" ")) throw full(domains, wish);
  const rttMs = 2 * links.reduce((sum, { delayMs }) => sum + delayMs, 0);
  return { segments: segmentsOn(topology, domains, links, room, wish), rttMs };
}

function segmentsOn(
  topology: Topology,
  domains: readonly string[],
  links: readonly Link[],
  room: Room,
  wish: ReserveRequest,
): readonly Segment[] {
  const edge = (domain: string, stp: string): Terminal => {
    const [port] = portsOn(topology, domain, { kind: "stp", stp });
    const channel = roomAt(room, domain, port)?.freeChannels[0];
    if (port === undefined || channel === undefined) {
      throw new Refused(409, "channel.taken", `no channel of ${stp} is free at that time`, domain);
    }
    return { port, channel };
  };
  const on = (link: Link | undefined, domain: string, stp: string): Terminal => {
    if (link === undefined) return edge(domain, stp);
    const [port, channel] = [portAt(link, domain), channelOn(link, room, wish)];
    if (port === undefined || channel === undefined) throw full(domains, wish);
    return { port, channel };
  };
  return domains.map((domain, index) => ({
    domain,
    in: on(links[index - 1], domain, wish.from),
    out: on(links[index], domain, wish.to),
  }));
}

/** The lowest channel that is free at both ends of a link which has the rate left; undefined if there is none. */
function channelOn(link: Link, room: Room, { bandwidthMbps }: ReserveRequest): number | undefined {
  const [one, other] = [link.a, link.b].map(({ domain, port }) => roomAt(room, domain, port));
  if (one === undefined || other === undefined) return undefined;
  if (Math.min(one.freeMbps ?? 0, other.freeMbps ?? 0) < bandwidthMbps) return undefined;
  return one.freeChannels.find((channel) => other.freeChannels.includes(channel));
}

function roomAt(room: Room, domain: string, port: string | undefined): Availability[number] | undefined {
  return room.get(domain)?.find((at) => at.port === port);
}

function full(domains: readonly string[], { bandwidthMbps, window }: ReserveRequest): Refused {
  const want = `${bandwidthMbps} Mbps and a channel free from ${window.start} to ${window.end}`;
  return new Refused(409, "capacity.short", `no link between ${domains.join(" and ")} has ${want}`);
}
