import { execFile } from "node:child_process";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { exportJWK, generateKeyPair, type JWK } from "jose";
import type { z } from "zod";
import type { TlsIdentity } from "../../provider/aaa/caller.ts";
import { certificateFingerprint, type DomainRecord } from "../../provider/aaa/domain-record.ts";
import type { domainConfig, Topology } from "../../provider/domain/config.ts";

const run = promisify(execFile);

export type ConfigFile = z.input<typeof domainConfig>;
export type Name = "ams.example" | "transit.example" | "san.example";
export const NAMES: readonly Name[] = ["ams.example", "transit.example", "san.example"];
export const AMS = "urn:ogf:network:ams.example:2026:host";
export const SAN = "urn:ogf:network:san.example:2026:host";

export interface KeyPair {
  readonly id: string;
  /** JSON text of the private JWK. */
  readonly key: string;
  readonly publicKey: { kty: "OKP"; crv: "Ed25519"; x: string };
  /** A domain's, with which its agent calls others. */
  readonly certificate?: TlsIdentity;
}

/** A caller's or a domain's signing key, new. */
export async function makeKey(id: string): Promise<KeyPair> {
  const { privateKey } = await generateKeyPair("EdDSA", { extractable: true });
  const jwk: JWK = await exportJWK(privateKey);
  return { id, key: JSON.stringify(jwk), publicKey: { kty: "OKP", crv: "Ed25519", x: jwk.x ?? "" } };
}

/** Two links side by side between ams and transit, one on to san; four channels each. */
export const TOPOLOGY: Topology = {
  stps: [
    { id: AMS, domain: "ams.example", port: "host", channels: 8 },
    { id: SAN, domain: "san.example", port: "host", channels: 8 },
  ],
  links: [
    link("near", ["ams.example", "east"], ["transit.example", "west"], 1),
    link("far", ["ams.example", "south"], ["transit.example", "south"], 5),
    link("span", ["transit.example", "east"], ["san.example", "west"], 99),
  ],
};

/** A second host, `${stp}2`, in the domain of each of these. */
export function withSecondHosts(...stps: readonly string[]) {
  return (config: ConfigFile): ConfigFile => {
    const { topology } = config;
    const second = topology.stps
      .filter(({ id }) => stps.includes(id))
      .map(({ id, domain }) => ({ id: `${id}2`, domain, port: "host2", channels: 2 }));
    return { ...config, topology: { ...topology, stps: [...topology.stps, ...second] } };
  };
}

function link(id: string, [a, aPort]: [string, string], [b, bPort]: [string, string], delayMs: number) {
  return {
    id,
    a: { domain: a, port: aPort },
    b: { domain: b, port: bPort },
    capacityMbps: 1_000,
    channels: 4,
    delayMs,
  };
}

/** What a domain permits that has no mind of its own: up to so much, not for ever. */
export const policiesUpTo = (mbps: number): string => `
  @id("usual")
  permit (principal, action, resource)
  when { context.home in [Domain::"ams.example", Domain::"transit.example", Domain::"san.example"] };
  @id("rate") @reason("${mbps} Mbps at most")
  forbid (principal, action, resource) when { context.bandwidthMbps > ${mbps} };
  @id("horizon") @reason("no window ends more than 366 days from now")
  forbid (principal, action, resource) when { context.end > context.now.offset(duration("366d")) };
`;

/** Everything that three domains and their clients need, in a folder of its own. */
export interface Testbed {
  readonly directory: string;
  readonly clients: { readonly alice: KeyPair; readonly bob: KeyPair };
  readonly signing: Record<Name, KeyPair>;
  readonly records: Record<Name, DomainRecord>;
  configFile(name: Name): string;
  /** Folder with one file, all.cedar. */
  policyFolder(name: Name): string;
  /** PEM file of a domain's certificate. */
  certificateFile(name: Name): string;
  remove(): Promise<void>;
}

/**
 * Keys, certificates and configurations for three domains on free loopback ports; `adjust` may change each configuration,
 * `policiesOf` tells each one's policies.
 */
export async function makeTestbed(
  adjust: (config: ConfigFile) => ConfigFile = (config) => config,
  policiesOf: (name: Name) => string = () => policiesUpTo(1_000),
): Promise<Testbed> {
  const directory = await mkdtemp(join(tmpdir(), "turntable-domain-"));
  const each = async <T>(make: (name: Name, index: number) => Promise<T>): Promise<Record<Name, T>> => {
    const [ams, transit, san] = await Promise.all([
      make(NAMES[0] ?? "ams.example", 0),
      make("transit.example", 1),
      make("san.example", 2),
    ]);
    return { "ams.example": ams, "transit.example": transit, "san.example": san };
  };
  const clients = { alice: await makeKey("alice"), bob: await makeKey("bob") };
  const ports = await freePorts(NAMES.length);
  const at = (name: Name, suffix: string): string => join(directory, `${name}.${suffix}`);
  const records = await each(async (name, index) => {
    await makeCertificate(name, at(name, "tls.key"), at(name, "tls.pem"));
    const fingerprint = certificateFingerprint(await readFile(at(name, "tls.pem"), "utf8"));
    return { name, url: `https://127.0.0.1:${ports[index]}`, fingerprint };
  });
  const signing = await each(async (name) => {
    const [cert, key] = await Promise.all(["tls.pem", "tls.key"].map((suffix) => readFile(at(name, suffix), "utf8")));
    return { ...(await makeKey(name)), certificate: { cert: cert ?? "", key: key ?? "" } };
  });
  await each(async (name, index) => {
    await writeFile(at(name, "signing.jwk"), signing[name].key, { mode: 0o600 });
    const config: ConfigFile = {
      domain: name,
      listen: { address: "127.0.0.1", port: ports[index] ?? 0 },
      tls: { certificateFile: `${name}.tls.pem`, keyFile: `${name}.tls.key` },
      signingKeyFile: `${name}.signing.jwk`,
      store: `${name}.sqlite`,
      policies: `${name}.policies`,
      clients: Object.values(clients).map(({ id, publicKey }) => ({ id, publicKey, groups: ["operators"] })),
      peers: NAMES.filter((other) => other !== name).map((other) => ({
        ...{ domain: other, url: records[other].url, certificateFile: `${other}.tls.pem` },
        publicKey: signing[other].publicKey,
      })),
      topology: TOPOLOGY,
      element: { driver: "none" },
    };
    await mkdir(at(name, "policies"));
    await writeFile(join(at(name, "policies"), "all.cedar"), policiesOf(name));
    await writeFile(at(name, "json"), JSON.stringify(adjust(config)));
  });
  return {
    ...{ directory, clients, signing, records },
    configFile: (name) => at(name, "json"),
    policyFolder: (name) => at(name, "policies"),
    certificateFile: (name) => at(name, "tls.pem"),
    remove: async () => await rm(directory, { recursive: true, force: true }),
  };
}

/** A self-signed certificate, as an operator would make one. */
export async function makeCertificate(name: string, keyFile: string, certificateFile: string): Promise<void> {
  const key = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2"];
  const usage = ["-addext", "extendedKeyUsage=serverAuth"];
  const subject = ["-subj", `/CN=${name}`, "-addext", `subjectAltName=DNS:${name}`, ...usage];
  await run("openssl", [...key, ...subject, "-keyout", keyFile, "-out", certificateFile]);
}

async function freePorts(count: number): Promise<readonly number[]> {
  const servers = Array.from({ length: count }, () => createServer().listen(0, "127.0.0.1"));
  return await Promise.all(
    servers.map(async (server) => {
      await new Promise((resolve) => server.once("listening", resolve));
      const address = server.address();
      await new Promise((resolve) => server.close(resolve));
      return typeof address === "object" && address !== null ? address.port : 0;
    }),
  );
}
