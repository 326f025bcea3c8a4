import { X509Certificate } from "node:crypto";
import { readFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { type CryptoKey, calculateJwkThumbprint } from "jose";
import { z } from "zod";
import { certificateFingerprint } from "../aaa/domain-record.ts";
import { importPublicKey, type PublicJwk } from "../aaa/keys.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { type DomainConfig, domainConfig, type PeerRight } from "./config.ts";
import { readKeys } from "./keys/key-file.ts";
import type { KeyFile } from "./keys/own-keys.ts";

/** Someone who may call, known by a key. */
export interface Known {
  readonly kind: "client" | "peer";
  /** A client's id, or a peer's domain. */
  readonly id: string;
  readonly key: CryptoKey;
  readonly publicJwk: PublicJwk;
  /** The key's thumbprint (RFC 7638). */
  readonly kid: string;
  /** A client's, by which policies know it. */
  readonly groups: readonly string[];
  /** A peer's: what it is trusted with. */
  readonly may: readonly PeerRight[];
}

export interface PeerAddress {
  readonly name: string;
  readonly url: string;
  readonly certificate: X509Certificate;
  /** Of its certificate. */
  readonly fingerprint: string;
}

/** A configuration with all its files read. */
export interface Loaded {
  /** Where it is, and what it said. */
  readonly source: { readonly file: string; readonly text: string };
  readonly config: DomainConfig;
  readonly tls: { readonly cert: string; readonly key: string };
  readonly signing: KeyFile;
  readonly known: ReadonlyMap<string, Known>;
  readonly peers: readonly PeerAddress[];
  /** By the fingerprint of its certificate. */
  readonly requesters: ReadonlyMap<string, Requester>;
}

/** Another network's agent that may drive this domain's path control by NSI. */
export interface Requester {
  readonly nsa: string;
  /** As whom it counts. */
  readonly client: Known;
  readonly callbacks: readonly string[];
}

/** Reads a domain's configuration file and what it names, relative to it. Throws input.invalid with every fault. */
export async function loadConfig(file: string): Promise<Loaded> {
  const text = await read(file);
  const parsed = domainConfig.safeParse(parseJson(text, file));
  if (!parsed.success) throw invalid(file, z.prettifyError(parsed.error));
  const at = (path: string): string => (path === ":memory:" ? path : resolve(dirname(file), path));
  const config = { ...parsed.data, store: at(parsed.data.store), policies: at(parsed.data.policies) };
  const faults = faultsOf(config);
  if (faults.length > 0) throw invalid(file, faults.join("; "));
  const peers = config.peers.map(async ({ domain, url, certificateFile }) => ({
    ...{ name: domain, url },
    ...certified(await read(at(certificateFile)), certificateFile),
  }));
  const known = await knownOf(config);
  const requesters = (config.nsi?.requesters ?? []).map(async ({ nsa, certificateFile, client: id, callbacks }) => {
    const client = known.get(id);
    if (client === undefined) throw new TypeError(`${id} was looked for before`);
    const { fingerprint } = certified(await read(at(certificateFile)), certificateFile);
    return [fingerprint, { nsa, client, callbacks }] as const;
  });
  return {
    source: { file, text },
    config,
    tls: { cert: await read(at(config.tls.certificateFile)), key: await read(at(config.tls.keyFile)) },
    signing: await signingOf(at(config.signingKeyFile), config.domain),
    ...{ known, peers: await Promise.all(peers), requesters: new Map(await Promise.all(requesters)) },
  };
}

async function signingOf(file: string, domain: string): Promise<KeyFile> {
  return { domain, file, keys: await readKeys(await read(file), domain) };
}

async function knownOf({ clients, peers }: DomainConfig): Promise<ReadonlyMap<string, Known>> {
  const entry = async (
    kind: Known["kind"],
    id: string,
    { kty, crv, x }: PublicJwk,
    more: Pick<Known, "groups" | "may">,
  ) => {
    const publicJwk = { kty, crv, x };
    const key = await importPublicKey(publicJwk, id);
    return [id, { kind, id, key, publicJwk, kid: await calculateJwkThumbprint(publicJwk), ...more }] as const;
  };
  return new Map(
    await Promise.all([
      ...clients.map((client) => entry("client", client.id, client.publicKey, { groups: client.groups, may: [] })),
      ...peers.map((peer) => entry("peer", peer.domain, peer.publicKey, { groups: [], may: peer.may })),
    ]),
  );
}

/** What a schema cannot say: names that must differ, and devices that must be there. */
function faultsOf(config: DomainConfig): readonly string[] {
  const names = [config.domain, ...config.clients.map(({ id }) => id), ...config.peers.map(({ domain }) => domain)];
  const doubled = names.filter((name, index) => names.indexOf(name) !== index);
  const { element, topology, domain, discovery } = config;
  const foreign = topology.stps.filter((stp) => !stp.id.startsWith(`urn:ogf:network:${stp.domain}:`));
  const own = topology.stps.filter((stp) => stp.domain === domain).map(({ id }) => id);
  const elsewhere = Object.keys(config.sites).filter((site) => !own.includes(site));
  const clients = config.clients.map(({ id }) => id);
  const strangers = (config.nsi?.requesters ?? []).filter(({ client }) => !clients.includes(client));
  const faults = [
    ...strangers.map(({ nsa, client }) => `the requester ${nsa} counts as ${client}, which is no client`),
    ...doubled.map((name) => `${name} is named twice among the domain, its clients and its peers`),
    ...sharedKeys(config.clients).map((ids) => `${ids} have the same key, by which they are to be told apart`),
    ...elsewhere.map((site) => `sites: ${site} is no STP of ${domain}`),
    ...foreign.map((stp) => `the STP ${stp.id} must be named urn:ogf:network:${stp.domain}:…`),
    ...(discovery.lifeSeconds > discovery.refreshSeconds
      ? []
      : ["discovery: what is told must hold until it is told anew"]),
  ];
  if (element.driver === "none") return faults;
  const ends = topology.links.flatMap(({ id, a, b, channels }) => [a, b].map((end) => ({ ...end, id, channels })));
  const terminals = [...ends, ...topology.stps.map((stp) => ({ ...stp, channels: stp.channels ?? 1 }))];
  const lacking = terminals.filter(
    (end) => end.domain === domain && (element.devices[end.port] ?? []).length < end.channels,
  );
  return [...faults, ...lacking.map(({ port, id, channels }) => `port ${port} of ${id} needs ${channels} devices`)];
}

/** Clients' ids that share a key, a text for each such key. */
function sharedKeys(clients: DomainConfig["clients"]): readonly string[] {
  const byKey = Map.groupBy(clients, ({ publicKey }) => publicKey.x);
  return [...byKey.values()].filter(({ length }) => length > 1).map((all) => all.map(({ id }) => id).join(" and "));
}

async function read(file: string): Promise<string> {
  try {
    return await readFile(file, "utf8");
  } catch (thrown) {
    throw invalid(file, reasonOf(thrown), thrown);
  }
}

function certified(pem: string, file: string): Pick<PeerAddress, "certificate" | "fingerprint"> {
  try {
    const certificate = new X509Certificate(pem);
    return { certificate, fingerprint: certificateFingerprint(certificate) };
  } catch (thrown) {
    throw invalid(file, `it holds no certificate: ${reasonOf(thrown)}`, thrown);
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text);
  } catch (thrown) {
    throw invalid(file, reasonOf(thrown), thrown);
  }
}

function invalid(file: string, reason: string, cause?: unknown): TurntableError {
  return new TurntableError("input.invalid", `the domain's file ${file} cannot be used: ${reason}`, {
    retry: "never",
    next: "Correct it and start the agent again.",
    cause,
  });
}
