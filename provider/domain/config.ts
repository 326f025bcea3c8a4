import { z } from "zod";
import { isTimeZone } from "./policy/civil-time.ts";

const domainName = z.string().regex(/^[a-z0-9.-]+$/);
const publicJwk = z.looseObject({ kty: z.literal("OKP"), crv: z.literal("Ed25519"), x: z.string() });

/** What a domain may be trusted with by another. */
export const peerRight = z.enum(["consent", "coordinate", "tell"]);

/** A place where a lightpath can end: a port of one domain's switch, facing a site. */
export const stp = z.strictObject({
  /** `urn:ogf:network:<domain>:<year>:<port>` (NSI form). */
  id: z.string().startsWith("urn:ogf:network:"),
  domain: domainName,
  port: z.string(),
  /** Parallel channels towards the site: one connection each. Absent: as many as the element has devices there, or one. */
  channels: z.int().positive().optional(),
  /** Where the site is, in law. It outweighs what callers say of the site. */
  jurisdiction: z.string().optional(),
});

/** A link between the switches of two domains. */
export const link = z.strictObject({
  id: z.string(),
  a: z.strictObject({ domain: domainName, port: z.string() }),
  b: z.strictObject({ domain: domainName, port: z.string() }),
  capacityMbps: z.number().positive(),
  /** Parallel wavelengths: one connection each. */
  channels: z.int().positive(),
  /** One way. */
  delayMs: z.number().nonnegative(),
  /** Ways that cost least are taken first. Absent: its delay in ms. */
  cost: z.number().nonnegative().optional(),
  /** Names of what it shares with other links, which then fail with it: a duct, a bridge. */
  riskGroups: z.array(z.string()).optional(),
});

export const topology = z.strictObject({ stps: z.array(stp), links: z.array(link) });

const nsaName = z.string().startsWith("urn:ogf:network:", "must be an NSA's name (urn:ogf:network:…)").max(256);

/** Other people's agents may drive this domain's path control by NSI's Connection Service, each as one of its clients. */
const nsi = z.strictObject({
  listen: z.strictObject({ address: z.string(), port: z.int() }),
  /** The name of this domain's agent. */
  nsa: nsaName,
  /** By an STP's id: the VLAN by which others know its channel 0; the next is channel 1. Absent: it has no label. */
  vlans: z.record(z.string(), z.int().min(1).max(4_094)).default({}),
  requesters: z.array(
    z.strictObject({
      nsa: nsaName,
      /** PEM file of the certificate that it shows, as client and where it takes callbacks. */
      certificateFile: z.string(),
      /** As which of this domain's `clients` it counts: to policies, and in the accounts. */
      client: z.string(),
      /** Where it may have callbacks sent to: `replyTo` begins with one of these. */
      callbacks: z.array(z.url({ protocol: /^https$/, error: "must be an https URL" })).min(1),
    }),
  ),
});

/** The configuration file (JSON) of one domain's agent. Paths are relative to the file. */
export const domainConfig = z.strictObject({
  domain: domainName,
  listen: z.strictObject({ address: z.string(), port: z.int() }),
  /** PEM files of the HTTPS server, which it also shows where it calls; peers and clients pin the certificate. */
  tls: z.strictObject({ certificateFile: z.string(), keyFile: z.string() }),
  /**
   * Private Ed25519 JWK with which this domain signs consents and tokens, or a JWK Set of such: the first signs, all are
   * published. Looked at again whenever it changes.
   */
  signingKeyFile: z.string(),
  /** SQLite file. */
  store: z.string(),
  holdSeconds: z.number().positive().default(60),
  tokenSeconds: z.number().positive().default(900),
  /** Folder of Cedar policies (`*.cedar`): what is permitted to whom. Looked at again whenever it changes. */
  policies: z.string(),
  /** In which policies see hours and weekdays (IANA: "Europe/Amsterdam"). */
  timeZone: z.string().refine(isTimeZone, "must be a time zone such as Europe/Amsterdam").default("UTC"),
  /** Who may ask this domain for grants, and the groups by which policies know them. */
  clients: z.array(
    z.strictObject({ id: z.string(), publicKey: publicJwk, groups: z.array(z.string().min(1)).max(64).default([]) }),
  ),
  /** Other domains: where they are, which certificate they show, and which key signs for them until they tell their keys. */
  peers: z.array(
    z.strictObject({
      domain: domainName,
      url: z.url({ protocol: /^https$/, error: "must be an https URL" }),
      certificateFile: z.string(),
      publicKey: publicJwk,
      /**
       * What it is trusted with: to ask for consent in the name of its clients, to coordinate connections through this domain,
       * to tell topologies. That it revokes what it asked for is always taken.
       */
      may: z.array(peerRight).default([...peerRight.options]),
    }),
  ),
  /** This domain's STPs and links, and what is to be thought of others until they tell. */
  topology,
  /**
   * Which machines may take VMs in, by the STP of their site: SHA-256 fingerprints of their ssh host keys, as `ssh-keygen -l`
   * prints them. A site that is not named here trusts its callers in this. `unnamed`: a connection may also end there whose
   * token names no machine, as that of one that is asked for by NSI.
   */
  sites: z
    .record(
      z.string(),
      z.strictObject({ hostKeys: z.array(z.string().startsWith("SHA256:")), unnamed: z.boolean().default(false) }),
    )
    .default({}),
  /** How often this domain tells its peers what it is, and for how long they may believe it. */
  discovery: z
    .strictObject({
      refreshSeconds: z.number().positive().default(60),
      lifeSeconds: z.number().positive().max(86_400).default(300),
    })
    .default({ refreshSeconds: 60, lifeSeconds: 300 }),
  /**
   * Requests a second, saved up for ten seconds, that are answered of one caller (one for a grant or a token counts as
   * five), and of one address from which nobody known asks.
   */
  pace: z
    .strictObject({ caller: z.number().positive().default(300), address: z.number().positive().default(200) })
    .default({ caller: 300, address: 200 }),
  nsi: nsi.optional(),
  /** How the switch is steered: `devices[port][channel]` is a network device; `none` steers nothing (for a domain under test). */
  element: z.discriminatedUnion("driver", [
    z.strictObject({ driver: z.literal("linux"), devices: z.record(z.string(), z.array(z.string())) }),
    z.strictObject({ driver: z.literal("none") }),
  ]),
});

export type DomainConfig = z.output<typeof domainConfig>;
export type PeerRight = z.output<typeof peerRight>;
export type Topology = z.output<typeof topology>;
