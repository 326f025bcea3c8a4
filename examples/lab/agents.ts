import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Agent, request } from "undici";
import { domainConfig, type Topology } from "../../provider/domain/config.ts";
import { hostKeyFingerprint } from "../../provider/host/host-key.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import { CALLER_ID, keyFiles, publicHalf, sshPublicKey } from "./keys.ts";
import {
  AGENT_PORT,
  CHANNELS,
  DOMAINS,
  type DomainKey,
  domainName,
  type Lab,
  REPOSITORY,
  routedAddress,
  SITES,
  stpOf,
  switchOf,
} from "./layout.ts";
import type { Piece } from "./piece.ts";
import { policyFolder } from "./policies.ts";
import { type Daemon, inspectDaemon, startDaemon } from "./process.ts";

/** A domain's agent: it runs where its optical switch is, and is the only one that joins the switch's ports. */
export function agentPiece(lab: Lab, domain: DomainKey): Piece {
  const file = lab.path("domains", domain, "config.json");
  const daemon = async (): Promise<Daemon> => ({
    name: `agent-${domain}`,
    argv: [process.execPath, join(REPOSITORY, "provider/main.ts"), "domain", "--config", file],
    namespace: lab.namespaces[switchOf(domain)],
    inputs: await configOf(lab, domain),
  });
  const port = lab.description.ports.agents[domain];
  const answering = async (): Promise<boolean> => answers(lab, domain, port);
  return {
    name: `agent, ${domainName(domain)}`,
    purpose: `authorizes and steers ${domain}'s switch; HTTPS at 127.0.0.1:${port}, certificate pinned`,
    async inspect() {
      const fault = await inspectDaemon(lab, await daemon());
      if (fault !== undefined) return fault;
      return (await answering()) ? undefined : `no answer at https://127.0.0.1:${port}`;
    },
    async make() {
      const config = await configOf(lab, domain);
      if ((await readIfThere(file)) !== config) await writeAtomically(file, config);
      await startDaemon(lab, await daemon(), answering);
    },
  };
}

async function configOf(lab: Lab, domain: DomainKey): Promise<string> {
  const keys = keyFiles(lab);
  const isHome = SITES.some((site) => site === domain);
  const caller = { id: CALLER_ID, publicKey: await publicHalf(keys.caller), groups: ["operators"] };
  const peers = DOMAINS.filter((other) => other !== domain).map(async (other) => ({
    domain: domainName(other),
    url: `https://${routedAddress(switchOf(other))}:${AGENT_PORT}`,
    certificateFile: keys.certificate(other),
    publicKey: await publicHalf(keys.signing(other)),
  }));
  const config = domainConfig.parse({
    domain: domainName(domain),
    listen: { address: routedAddress(switchOf(domain)), port: AGENT_PORT },
    tls: { certificateFile: keys.certificate(domain), keyFile: keys.tlsKey(domain) },
    signingKeyFile: keys.signing(domain),
    store: lab.path("domains", domain, "store.sqlite"),
    policies: policyFolder(lab, domain),
    clients: isHome ? [caller] : [],
    peers: await Promise.all(peers),
    topology: topologyOf(lab),
    sites: await sitesOf(lab, domain),
    element: { driver: "linux", devices: portsOf(domain) },
  });
  return `${JSON.stringify(config, undefined, 2)}\n`;
}

/** A site's domain knows the host there. */
async function sitesOf(lab: Lab, domain: DomainKey) {
  const own = SITES.filter((site) => site === domain);
  const sites = own.map(async (site) => {
    const key = await sshPublicKey(keyFiles(lab).host(site));
    return [stpOf(site), { hostKeys: [hostKeyFingerprint(key)] }] as const;
  });
  return Object.fromEntries(await Promise.all(sites));
}

function topologyOf(lab: Lab): Topology {
  const { rateMbps, rttMs } = lab.description.span;
  const common = { capacityMbps: rateMbps, channels: CHANNELS.length };
  return {
    stps: SITES.map((site) => ({ id: stpOf(site), domain: domainName(site), port: "host" })),
    links: [
      {
        id: "ams-transit",
        a: { domain: domainName("ams"), port: "east" },
        b: { domain: domainName("transit"), port: "west" },
        ...common,
        delayMs: 0,
      },
      {
        id: "transit-san",
        a: { domain: domainName("transit"), port: "east" },
        b: { domain: domainName("san"), port: "west" },
        ...common,
        delayMs: rttMs / 2,
      },
    ],
  };
}

/** `[port][channel]` is a device of the domain's switch. */
function portsOf(domain: DomainKey): Record<string, string[]> {
  const devices = (prefix: string): string[] => CHANNELS.map((channel) => `${prefix}${channel}`);
  switch (domain) {
    case "ams":
      return { host: devices("uni"), east: devices("east") };
    case "transit":
      return { west: devices("west"), east: devices("east") };
    case "san":
      return { west: devices("west"), host: devices("uni") };
  }
}

/** Whether the agent answers as itself: with the pinned certificate. */
async function answers(lab: Lab, domain: DomainKey, port: number): Promise<boolean> {
  const ca = await readFile(keyFiles(lab).certificate(domain));
  const dispatcher = new Agent({ connect: { ca, servername: domainName(domain), timeout: 2000 } });
  try {
    const url = `https://127.0.0.1:${port}/.well-known/turntable`;
    const { statusCode, body } = await request(url, { dispatcher, headersTimeout: 3000, bodyTimeout: 3000 });
    await body.dump();
    return statusCode === 200;
  } catch {
    return false;
  } finally {
    await dispatcher.destroy();
  }
}
