import { cp } from "node:fs/promises";
import { ipBatch, run } from "../../examples/lab/command.ts";
import { writeAtomically } from "../../examples/lab/files.ts";
import { AGENT_PORT, CHANNELS, DOMAINS, domainName, LIGHTPATH_MTU } from "../../examples/lab/layout.ts";
import { type End, layCable } from "../../examples/lab/network.ts";
import { stopDaemon } from "../../examples/lab/process.ts";
import type { DomainConfig } from "../../provider/domain/config.ts";
import { type KeyPair, makeCertificate, makeKey } from "../domain/testbed.ts";
import { agentConfig, changeAgent, runAgent } from "./breakage.ts";
import type { World } from "./world.ts";

const NAME = "relay.example";
/** Behind the last of the lab's own, of which each has a subnet as large. */
const ADDRESS = "203.0.113.42";
const ROUTER = "203.0.113.41";
const EVERYBODY = "203.0.113.0/26";
/** More than the way over transit, which costs its delay. */
const COST = 500;
const RATE_MBPS = 1_000;

/** A second domain between ams and san, dearer than transit: an agent and a switch of its own. */
export interface Relay {
  readonly namespace: string;
  remove(): Promise<void>;
}

/** Adds it to a lab, whose agents are told of it. */
export async function addRelay(here: World): Promise<Relay> {
  const { lab } = here;
  const namespace = `${lab.description.name}-relay-switch`;
  await layOut(here, namespace);
  const folder = lab.path("domains", "relay");
  const files = { signing: `${folder}/signing.jwk`, key: `${folder}/tls.key`, certificate: `${folder}/tls.pem` };
  const pair = await makeKey(NAME);
  await writeAtomically(files.signing, pair.key);
  await makeCertificate(NAME, files.key, files.certificate);
  await cp(lab.path("domains", "transit", "policies"), `${folder}/policies`, { recursive: true });
  const [ams, transit] = [await agentConfig(here, "ams"), await agentConfig(here, "transit")];
  await runAgent(here, "relay", namespace, {
    ...{ ...transit, domain: NAME, listen: { address: ADDRESS, port: AGENT_PORT } },
    tls: { certificateFile: files.certificate, keyFile: files.key },
    ...{ signingKeyFile: files.signing, store: `${folder}/store.sqlite`, policies: `${folder}/policies` },
    peers: [...transit.peers, ...ams.peers.filter(({ domain }) => domain === transit.domain)],
    topology: withRelay(transit.topology),
    element: { driver: "linux", devices: { west: devices("west"), east: devices("east") } },
  });
  for (const domain of DOMAINS) {
    await changeAgent(here, domain, (config) => knowing(config, pair, files.certificate));
  }
  return {
    namespace,
    remove: async () => {
      await stopDaemon(lab, "agent-relay");
      await run(["ip", "netns", "delete", namespace]);
    },
  };
}

const devices = (prefix: string): string[] => CHANNELS.map((channel) => `${prefix}${channel}`);

function knowing(config: DomainConfig, { publicKey }: KeyPair, certificateFile: string): DomainConfig {
  const { domain, element } = config;
  const peer = { domain: NAME, url: `https://${ADDRESS}:${AGENT_PORT}`, certificateFile, publicKey };
  const isNeighbour = domain !== domainName("transit");
  return {
    ...{ ...config, topology: withRelay(config.topology) },
    peers: [...config.peers, { ...peer, may: ["consent", "coordinate", "tell"] }],
    element:
      element.driver === "linux" && isNeighbour
        ? { ...element, devices: { ...element.devices, south: devices("south") } }
        : element,
  };
}

function withRelay({ stps, links }: DomainConfig["topology"]): DomainConfig["topology"] {
  const shape = { capacityMbps: RATE_MBPS, channels: CHANNELS.length, delayMs: 1, cost: COST };
  const [ams, san] = [domainName("ams"), domainName("san")].map((domain) => ({ domain, port: "south" }));
  if (ams === undefined || san === undefined) throw new TypeError("it is between two");
  return {
    stps,
    links: [
      ...links,
      { id: "ams-relay", a: ams, b: { domain: NAME, port: "west" }, ...shape },
      { id: "relay-san", a: { domain: NAME, port: "east" }, b: san, ...shape },
    ],
  };
}

/** Its namespace on the routed network, and cables to the switches of ams and san. */
async function layOut({ lab }: World, namespace: string): Promise<void> {
  const { core, "ams-switch": ams, "san-switch": san } = lab.namespaces;
  const cable = (one: End, other: End, mtu = LIGHTPATH_MTU) => layCable({ ends: [one, other], mtu });
  await ipBatch([`netns add ${namespace}`]);
  await run(["ip", "netns", "exec", namespace, "sysctl", "-qew", "net.ipv6.conf.all.disable_ipv6=1"]);
  await ipBatch([
    await cable({ namespace, device: "net0" }, { namespace: core, device: "relay-switch" }, 1_500),
    ...(await Promise.all(
      CHANNELS.flatMap((channel) => [
        cable({ namespace: ams, device: `south${channel}` }, { namespace, device: `west${channel}` }),
        cable({ namespace, device: `east${channel}` }, { namespace: san, device: `south${channel}` }),
      ]),
    )),
  ]);
  for (const [where, device, address] of [
    [namespace, "net0", ADDRESS],
    [core, "relay-switch", ROUTER],
  ] as const) {
    await run(["ip", "-n", where, "address", "add", `${address}/29`, "dev", device]);
    await run(["ip", "-n", where, "link", "set", device, "up"]);
  }
  await run(["ip", "-n", namespace, "route", "add", EVERYBODY, "via", ROUTER]);
}
