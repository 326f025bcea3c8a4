import { pino } from "pino";
import { callerOf } from "../../provider/aaa/caller.ts";
import { AaaClient } from "../../provider/aaa/client.ts";
import { type Credential, heldBy } from "../../provider/aaa/credential.ts";
import type { GrantRequest, TokenRequest } from "../../provider/aaa/wire.ts";
import { type Agent, startAgent } from "../../provider/domain/agent.ts";
import { loadConfig } from "../../provider/domain/load.ts";
import { DracLightpath } from "../../provider/lightpath/drac/client.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { AMS, type ConfigFile, type KeyPair, makeTestbed, NAMES, type Name, SAN, type Testbed } from "./testbed.ts";

/** Three real agents in this process, on loopback ports, and callers of them. */
export interface Domains {
  readonly bed: Testbed;
  start(name: Name): Promise<void>;
  stop(name: Name): Promise<void>;
  aaa(name: Name, caller?: KeyPair): AaaClient;
  drac(name: Name, caller?: KeyPair): DracLightpath;
  /** A token of alice's for exactly this, under a new grant for exactly this. */
  tokenFor(wish: ReserveRequest): Promise<string>;
  /** As many of them as are needed, each to be used once, under one new grant. */
  tokensFor(wish: ReserveRequest): Promise<() => Promise<string>>;
  /** A token of alice's, as a coordinator has it for which she makes whatever proof it needs. */
  rightOf(token: string): Promise<Credential>;
  end(): Promise<void>;
}

export async function startDomains(
  adjust?: (config: ConfigFile) => ConfigFile,
  policiesOf?: (name: Name) => string,
): Promise<Domains> {
  const bed = await makeTestbed(adjust, policiesOf);
  const running = new Map<Name, Agent>();
  const clients: { close(): Promise<void> }[] = [];
  const kept = <T extends { close(): Promise<void> }>(client: T): T => {
    clients.push(client);
    return client;
  };
  const domains: Domains = {
    bed,
    start: async (name) => {
      running.set(name, await startAgent(await loadConfig(bed.configFile(name)), pino({ level: "silent" })));
    },
    stop: async (name) => {
      await running.get(name)?.close();
      running.delete(name);
    },
    aaa: (name, caller = bed.clients.alice) => kept(new AaaClient(bed.records[name], caller)),
    drac: (name, caller = bed.clients.alice) => kept(new DracLightpath(bed.records[name], caller)),
    tokenFor: async (wish) => await (await domains.tokensFor(wish))(),
    tokensFor: async (wish) => {
      const aaa = domains.aaa("ams.example");
      const { jwt } = await aaa.requestGrant(grantFor(wish));
      return async () => (await aaa.mintToken({ ...tokenRequestFor(wish), grant: jwt })).token;
    },
    rightOf: async (token) => heldBy(await callerOf(bed.clients.alice), token),
    end: async () => {
      await Promise.all(clients.map((client) => client.close()));
      await Promise.all([...running.keys()].map((name) => domains.stop(name)));
      await bed.remove();
    },
  };
  await Promise.all(NAMES.map((name) => domains.start(name)));
  return domains;
}

/** A window from some seconds from now on, for some seconds. */
export function windowIn(delaySeconds: number, seconds: number) {
  const startMs = Date.now() + delaySeconds * 1_000;
  return { start: new Date(startMs).toISOString(), end: new Date(startMs + seconds * 1_000).toISOString() };
}

export function wishFor(changes: Partial<ReserveRequest> = {}): ReserveRequest {
  return { from: AMS, to: SAN, bandwidthMbps: 600, mtu: 9000, window: windowIn(0, 600), vm: "radar", ...changes };
}

export function grantFor({ from, to, bandwidthMbps, window, vm }: ReserveRequest): GrantRequest {
  return { between: [from, to], bandwidthMbps, window, vm };
}

export function tokenRequestFor({ from, to, bandwidthMbps, window, vm }: ReserveRequest): Omit<TokenRequest, "grant"> {
  return { from, to, bandwidthMbps, window, vm, siteKey: "SHA256:0123456789" };
}
