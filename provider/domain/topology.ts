import type { DomainConfig, Topology } from "./config.ts";
import { Refused } from "./refused.ts";
import type { Side } from "./wire.ts";

export type Link = Topology["links"][number];

/** The domain in which an STP is. Throws Refused (403) if the topology has none of this name. */
export function domainOf(topology: Topology, stp: string): string {
  const found = topology.stps.find(({ id }) => id === stp);
  if (found === undefined) throw new Refused(403, "path.unknown", `there is no STP ${stp} in the topology`);
  return found.domain;
}

/** A link's port at one of its domains; undefined if it does not end there. */
export function portAt({ a, b }: Link, domain: string): string | undefined {
  return [a, b].find((end) => end.domain === domain)?.port;
}

/** The domain at a link's other end. */
export function otherEnd({ a, b }: Link, domain: string): string {
  return a.domain === domain ? b.domain : a.domain;
}

/** Of links that name no cost, the fastest is the cheapest. */
export function costOf({ cost, delayMs }: Link): number {
  return cost ?? delayMs;
}

export function linksBetween(topology: Topology, one: string, other: string): readonly Link[] {
  const ends = ({ a, b }: Link): string => [a.domain, b.domain].sort().join(" ");
  return topology.links.filter((link) => ends(link) === [one, other].sort().join(" "));
}

/** The ports with which a domain faces one side of a path. */
export function portsOn(topology: Topology, domain: string, side: Side): readonly string[] {
  switch (side.kind) {
    case "stp":
      return topology.stps.filter(({ id, domain: at }) => id === side.stp && at === domain).map(({ port }) => port);
    case "domain":
      return linksBetween(topology, domain, side.domain).flatMap((link) => portAt(link, domain) ?? []);
    default:
      return side satisfies never;
  }
}

/** What a domain of a path has on either side, in the path's order. `index` is its place in `domains`. */
export function sidesAt(domains: readonly string[], index: number, between: readonly [string, string]): [Side, Side] {
  const towards = (neighbour: string | undefined, stp: string): Side =>
    neighbour === undefined ? { kind: "stp", stp } : { kind: "domain", domain: neighbour };
  return [towards(domains[index - 1], between[0]), towards(domains[index + 1], between[1])];
}

/** A port of this domain's own switch: how many channels it has, and how much they carry together (a site's port: no limit of its own). */
export interface OwnPort {
  readonly channels: number;
  readonly capacityMbps: number | undefined;
}

export function ownPorts({ domain, topology, element }: DomainConfig): ReadonlyMap<string, OwnPort> {
  const devices = (port: string): number | undefined =>
    element.driver === "linux" ? element.devices[port]?.length : undefined;
  const stps = topology.stps
    .filter((stp) => stp.domain === domain)
    .map(
      ({ port, channels }) => [port, { channels: channels ?? devices(port) ?? 1, capacityMbps: undefined }] as const,
    );
  const links = topology.links.flatMap((link) => {
    const port = portAt(link, domain);
    return port === undefined ? [] : [[port, { channels: link.channels, capacityMbps: link.capacityMbps }] as const];
  });
  return new Map<string, OwnPort>([...stps, ...links]);
}
