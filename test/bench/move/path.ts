import type { Inventory } from "../../../examples/lab/inventory.ts";
import { type Composition, compose } from "../../../provider/composition.ts";
import type { Host } from "../../../provider/host/host.ts";
import { hostKeyFingerprint } from "../../../provider/host/host-key.ts";
import { type Attachment, attach, detach, initialWindowSegments } from "../../../provider/lightpath/attachment.ts";
import type { Connection } from "../../../provider/lightpath/lightpath.ts";

/** As much as a move of the lab's program asks for. */
export const BANDWIDTH_MBPS = 900;
const WINDOW_MS = 60 * 60_000;
const SILENT = { info: () => undefined, warn: () => undefined, progress: () => undefined };

/** One host of a lit path. */
export interface PathEnd {
  readonly host: Host;
  readonly address: string;
}

export interface LitPath {
  readonly ams: PathEnd;
  readonly san: PathEnd;
}

/** Lights a path from ams to san, the very one that a move gets, for as long as `act` takes. */
export async function overPath<Result>(inventory: Inventory, act: (path: LitPath) => Promise<Result>): Promise<Result> {
  const { callerId, callerKeyFile, sshKeyFile } = inventory.credentials;
  const settings = new Map(Object.entries({ callerId, callerKeyFile, sshKeyFile }));
  const context = compose((key) => settings.get(key), SILENT);
  try {
    return await reserved(context, inventory, act);
  } finally {
    await context.rest();
  }
}

async function reserved<Result>(
  context: Composition,
  { sites: { ams, san }, vm }: Inventory,
  act: (path: LitPath) => Promise<Result>,
): Promise<Result> {
  const [from, to] = [onlyHost(ams), onlyHost(san)];
  const window = { start: new Date().toISOString(), end: new Date(Date.now() + WINDOW_MS).toISOString() };
  const asked = { bandwidthMbps: BANDWIDTH_MBPS, window, vm: vm.name };
  const way = { from: ams.stp, to: san.stp };
  const aaa = context.aaa(ams.domain);
  const lightpath = context.lightpath(ams.domain);
  const grant = await aaa.requestGrant({ ...asked, between: [ams.stp, san.stp] });
  try {
    const siteKey = hostKeyFingerprint(to.hostKey);
    const { token } = await aaa.mintToken({ ...asked, ...way, grant: grant.jwt, siteKey });
    const { connectionId } = await lightpath.reserve({ ...asked, ...way, mtu: 9000 }, token);
    try {
      const connection = await lightpath.provision(connectionId, token);
      const hosts = [await context.hosts.open(from), await context.hosts.open(to)] as const;
      return await attached(attachmentsOf(connection, hosts, [from, to]), act);
    } finally {
      await lightpath.terminate(connectionId);
    }
  } finally {
    await aaa.revokeGrant(grant.id);
  }
}

type HostRecord = Inventory["sites"]["ams"]["hosts"][number];

function onlyHost({ name, hosts }: Inventory["sites"]["ams"]): HostRecord {
  if (hosts[0]) return hosts[0];
  throw new RangeError(`${name} has no host`);
}

function attachmentsOf(
  { bandwidthMbps, rttMs, mtu, segments }: Connection,
  [here, there]: readonly [Host, Host],
  [from, to]: readonly [HostRecord, HostRecord],
): readonly [Attachment, Attachment] {
  const shared = { mtu, bandwidthMbps, initialWindowSegments: initialWindowSegments(bandwidthMbps, rttMs, mtu) };
  const device = ({ lightpath }: HostRecord, channel = 0) => lightpath.devices[channel] ?? "";
  const [mine, other] = [from.lightpath.address, to.lightpath.address];
  return [
    { ...shared, host: here, device: device(from, segments[0]?.in.channel), address: mine, peerAddress: other },
    { ...shared, host: there, device: device(to, segments.at(-1)?.out.channel), address: other, peerAddress: mine },
  ];
}

async function attached<Result>(
  ends: readonly [Attachment, Attachment],
  act: (path: LitPath) => Promise<Result>,
): Promise<Result> {
  try {
    await Promise.all(ends.map(attach));
    const [ams, san] = ends;
    return await act({ ams, san });
  } finally {
    await Promise.all(ends.map(detach));
  }
}
