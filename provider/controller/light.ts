import type { DomainRecord } from "../aaa/domain-record.ts";
import { type Attachment, attach, detach, initialWindowSegments, measureRtt } from "../lightpath/attachment.ts";
import type { Connection, Lightpath } from "../lightpath/lightpath.ts";
import type { Permit } from "./authorize.ts";
import type { Undo } from "./course.ts";
import type { Journal } from "./journal.ts";
import type { End, Move } from "./move.ts";

/** A path that is lit, with both hosts on it. */
export interface LitPath {
  readonly connectionId: string | undefined;
  readonly hops: readonly string[];
  readonly bandwidthMbps: number;
  /** When the reservation ends, and the path with it; undefined for one that stays. */
  readonly endsAt: string | undefined;
  /** Measured from host to host. */
  readonly rttMs: number;
  /** Takes both hosts off and gives the path back (a declared one stays reserved, dark). */
  putOut(): Promise<void>;
}

/** Reserves where nothing is reserved yet, lights the path, and puts both hosts on it. */
export async function light(
  move: Move,
  permit: Permit | undefined,
  lightpathOf: (home: DomainRecord) => Lightpath,
  journal: Journal,
  undo: Undo,
): Promise<LitPath> {
  const connection = permit && (await provision(move, permit, lightpathOf(permit.home), journal, undo));
  const ends = attachments(move, connection);
  undo("the hosts' ends of the path", () => detachAll(ends));
  await journal.lights([move.from, move.to].map((end) => portOf(end, connection)));
  await Promise.all(ends.map(attach));
  const rttMs = await measureRtt(ends[0]);
  return {
    connectionId: connection?.connectionId,
    hops: connection?.segments.map(({ domain }) => domain) ?? [],
    bandwidthMbps: ends[0].bandwidthMbps,
    endsAt: connection?.window.end,
    rttMs,
    putOut: async () => {
      await detachAll(ends);
      if (permit && connection) await darken(move, lightpathOf(permit.home), connection.connectionId);
    },
  };
}

async function provision(
  move: Move,
  permit: Permit,
  lightpath: Lightpath,
  journal: Journal,
  undo: Undo,
): Promise<Connection> {
  const { path, from, to, vm } = move;
  if (path.kind === "fixed") throw new TypeError("a fixed path is not provisioned");
  const declared = path.kind === "reserved";
  const { bandwidthMbps, mtu } = path;
  const { home, window, token } = permit;
  const request = { from: from.location.stp, to: to.location.stp, bandwidthMbps, mtu, window, vm: vm.name };
  if (!declared) await journal.borrow({ home, reserving: window });
  const id = declared ? path.connectionId : (await lightpath.reserve(request, token)).connectionId;
  undo("the lightpath", () => darken(move, lightpath, id));
  await journal.borrow({ home, connection: id, declared });
  return await lightpath.provision(id, token);
}

async function darken({ path }: Move, lightpath: Lightpath, id: string): Promise<void> {
  if (path.kind === "reserved") await lightpath.release(id);
  else await lightpath.terminate(id);
}

function attachments(move: Move, connection: Connection | undefined): readonly [Attachment, Attachment] {
  const { mtu, rttMs, bandwidthMbps } = connection ?? fixedPath(move);
  const shared = { mtu, bandwidthMbps, initialWindowSegments: initialWindowSegments(bandwidthMbps, rttMs, mtu) };
  const end = (mine: End, other: End): Attachment => ({
    ...shared,
    host: mine.host,
    device: deviceAt(mine, connection),
    address: mine.record.lightpath.address,
    peerAddress: other.record.lightpath.address,
  });
  return [end(move.from, move.to), end(move.to, move.from)];
}

function fixedPath({ path }: Move) {
  if (path.kind === "fixed") return path;
  throw new TypeError(`a path of kind ${path.kind} needs a connection`);
}

/** A connection names its two outer channels in its own direction, which may be the opposite of the move's. */
function deviceAt({ location, record }: End, connection: Connection | undefined): string {
  const { devices } = record.lightpath;
  const outer = connection?.from === location.stp ? connection.segments[0]?.in : connection?.segments.at(-1)?.out;
  const device = devices[outer?.channel ?? 0];
  if (device) return device;
  throw new RangeError(`${location.name} has no lightpath device for channel ${outer?.channel}`);
}

function portOf(end: End, connection: Connection | undefined) {
  return { site: end.location.name, host: end.record.name, device: deviceAt(end, connection) };
}

async function detachAll(ends: readonly Attachment[]): Promise<void> {
  await Promise.all(ends.map(detach));
}
