import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { Description } from "./description.ts";

/** The repository's root. */
export const REPOSITORY = fileURLToPath(new URL("../..", import.meta.url)).replace(/\/$/, "");

export const SITES = ["ams", "san"] as const;
export const DOMAINS = ["ams", "transit", "san"] as const;
export const SERVERS = ["ams", "san", "gateway"] as const;
/** Parallel wavelengths: ports lp0/uni0/east0/west0, lp1/… each carry one connection. */
export const CHANNELS = [0, 1] as const;
export const LIGHTPATH_MTU = 9000;
export const AGENT_PORT = 8443;

export type SiteName = (typeof SITES)[number];
export type DomainKey = (typeof DOMAINS)[number];
/** Who runs an ssh server. */
export type ServerName = (typeof SERVERS)[number];

const ROLES = [
  "ams",
  "san",
  "ams-switch",
  "transit-switch",
  "san-switch",
  "core",
  "gateway",
  "client",
  "office",
] as const;
export type Role = (typeof ROLES)[number];

/** How a namespace hangs on the router in `core`: its address and the router's, in a subnet of its own. */
export interface Attachment {
  readonly role: Role;
  readonly address: string;
  readonly router: string;
  readonly prefixLength: number;
}

/** Documentation ranges (RFC 5737): the sites' plans have nothing in common; all else is from the third range. */
export const ATTACHMENTS: readonly Attachment[] = [
  { role: "ams", address: "192.0.2.10", router: "192.0.2.1", prefixLength: 25 },
  { role: "san", address: "198.51.100.10", router: "198.51.100.1", prefixLength: 25 },
  { role: "ams-switch", address: "203.0.113.2", router: "203.0.113.1", prefixLength: 29 },
  { role: "transit-switch", address: "203.0.113.10", router: "203.0.113.9", prefixLength: 29 },
  { role: "san-switch", address: "203.0.113.18", router: "203.0.113.17", prefixLength: 29 },
  { role: "gateway", address: "203.0.113.26", router: "203.0.113.25", prefixLength: 29 },
  { role: "office", address: "203.0.113.34", router: "203.0.113.33", prefixLength: 29 },
];
/** What the router connects. The upper half of each site's range belongs to its lightpath and is not routed. */
export const ROUTED_PREFIXES = ["192.0.2.0/25", "198.51.100.0/25", "203.0.113.0/26"] as const;
/** The client's own network, behind the gateway. */
export const CLIENT_LAN = { gateway: "203.0.113.65", client: "203.0.113.66", prefixLength: 29 } as const;
export const LIGHTPATH_ADDRESS: Record<SiteName, string> = { ams: "192.0.2.130", san: "198.51.100.130" };
export const VM_SUBNET = "10.1.1.0/24";

/** A lab's names and places, all derived from its description. */
export interface Lab {
  readonly description: Description;
  readonly namespaces: Record<Role, string>;
  /** Absolute path below the lab's directory. */
  path(...parts: string[]): string;
  /** Where a site or the gateway keeps its files. */
  storage(server: ServerName): string;
}

export function layOut(description: Description): Lab {
  const path = (...parts: string[]): string => join(description.directory, ...parts);
  const namespace = (role: Role): string => `${description.name}-${role}`;
  return {
    description,
    namespaces: {
      ams: namespace("ams"),
      san: namespace("san"),
      "ams-switch": namespace("ams-switch"),
      "transit-switch": namespace("transit-switch"),
      "san-switch": namespace("san-switch"),
      core: namespace("core"),
      gateway: namespace("gateway"),
      client: namespace("client"),
      office: namespace("office"),
    },
    path,
    storage: (server) => path(server === "gateway" ? "gw" : server),
  };
}

export function switchOf(domain: DomainKey): Role {
  return `${domain}-switch`;
}

export function domainName(domain: DomainKey): string {
  return `${domain}.example`;
}

export function stpOf(site: SiteName): string {
  return `urn:ogf:network:${domainName(site)}:2026:host`;
}

/** A role's address on the routed network. */
export function routedAddress(role: Role): string {
  const attachment = ATTACHMENTS.find((candidate) => candidate.role === role);
  if (attachment === undefined) throw new RangeError(`${role} is not on the routed network`);
  return attachment.address;
}
