import { mkdtemp, readFile, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { certificateFingerprint } from "../../../provider/aaa/domain-record.ts";
import { NsiLightpath, type NsiTimes } from "../../../provider/lightpath/nsi/nsi.ts";
import { type NsiRecord, nsiRecord } from "../../../provider/lightpath/nsi/record.ts";
import type { Identity } from "../../../provider/lightpath/nsi/wire/line.ts";
import { type Domains, startDomains } from "../../domain/agents.ts";
import { AMS, type ConfigFile, makeCertificate, type Name, policiesUpTo, SAN } from "../../domain/testbed.ts";

export const REQUESTER = "urn:ogf:network:aggregator.example:2026:nsa";
export const PROVIDER = "urn:ogf:network:ams.example:2026:nsa";
/** The VLAN by which others know channel 0 of an STP. */
export const FIRST_VLAN = { [AMS]: 1780, [SAN]: 200 };

/** An agent's certificate, and what it is known by. */
export interface Badge extends Identity {
  readonly file: string;
  readonly keyFile: string;
  readonly fingerprint: string;
}

/** Badges, in a folder of their own, until `remove`. */
export async function makeBadges<N extends string>(names: readonly N[]) {
  const directory = await mkdtemp(join(tmpdir(), "turntable-nsi-"));
  const make = async (name: N): Promise<Badge> => {
    const [key, file] = [join(directory, `${name}.key`), join(directory, `${name}.pem`)];
    await makeCertificate(name, key, file);
    const cert = await readFile(file, "utf8");
    const fingerprint = certificateFingerprint(cert);
    return { cert, key: await readFile(key, "utf8"), file, keyFile: key, fingerprint };
  };
  const badges = new Map(await Promise.all(names.map(async (name) => [name, await make(name)] as const)));
  return {
    of: (name: N): Badge => {
      const badge = badges.get(name);
      if (badge === undefined) throw new Error(`${name} has no badge`);
      return badge;
    },
    remove: async () => await rm(directory, { recursive: true, force: true }),
  };
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === "object" && address !== null ? address.port : 0;
}

/** Three domains, of which ams.example lets an aggregator drive it by NSI, which counts as alice. */
export interface FarSide {
  readonly domains: Domains;
  /** Where ams.example listens. */
  readonly url: string;
  /** Of ams.example. */
  readonly fingerprint: string;
  readonly aggregator: Badge;
  readonly stranger: Badge;
  /** Where the aggregator takes callbacks, and the port there. */
  readonly callback: { readonly url: string; readonly port: number };
  record(changes?: Partial<NsiRecord>): NsiRecord;
  lightpath(changes?: Partial<NsiRecord>, own?: Badge, times?: Partial<NsiTimes>): NsiLightpath;
  end(): Promise<void>;
}

export async function startFarSide(
  adjust: (config: ConfigFile) => ConfigFile = (config) => config,
  policiesOf: (name: Name) => string = () => policiesUpTo(1_000),
): Promise<FarSide> {
  const badges = await makeBadges(["aggregator.example", "stranger.example"]);
  const [port, callbackPort] = [await freePort(), await freePort()];
  const callback = { url: `https://127.0.0.1:${callbackPort}/nsi/callback`, port: callbackPort };
  const aggregator = badges.of("aggregator.example");
  const nsi = {
    ...{ listen: { address: "127.0.0.1", port }, nsa: PROVIDER, vlans: FIRST_VLAN },
    requesters: [{ nsa: REQUESTER, certificateFile: aggregator.file, client: "alice", callbacks: [callback.url] }],
  };
  const domains = await startDomains(
    (config) => adjust(config.domain === "ams.example" ? { ...config, nsi } : config),
    policiesOf,
  );
  const { fingerprint } = domains.bed.records["ams.example"];
  const url = `https://127.0.0.1:${port}/nsi/connection/v2`;
  const opened: NsiLightpath[] = [];
  const far: FarSide = {
    ...{ domains, url, fingerprint, aggregator, stranger: badges.of("stranger.example"), callback },
    record: (changes) =>
      nsiRecord.parse({
        ...{ kind: "nsi", provider: PROVIDER, url, fingerprint, requester: REQUESTER, rttMs: 198 },
        callback: { url: callback.url, address: "127.0.0.1", port: callback.port },
        stps: { [AMS]: `${AMS}?vlan=1780-1787`, [SAN]: `${SAN}?vlan=200-207` },
        ...changes,
      }),
    lightpath: (changes, own = aggregator, times = {}) => {
      const lightpath = new NsiLightpath(far.record(changes), () => own, times);
      opened.push(lightpath);
      return lightpath;
    },
    end: async () => {
      await Promise.all(opened.map((one) => one.close()));
      await domains.end();
      await badges.remove();
    },
  };
  return far;
}
