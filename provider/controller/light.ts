import { type Attachment, attach, detach, initialWindowSegments, measureRtt } from "../lightpath/attachment.ts";
import type { Connection, Lightpath, PathController } from "../lightpath/lightpath.ts";
import type { Permit } from "./authorize.ts";
import type { Undo } from "./course.ts";
import type { Journal } from "./journal.ts";
import type { End, Move } from "./move.ts";
import { LIGHT_MS } from "./prediction.ts";
import type { Berth } from "./shared-path.ts";
import { extend, type Raised, raise, SharedPath } from "./widen.ts";

/** A path that is lit, with both hosts on it. */
export interface LitPath {
  readonly connectionId: string | undefined;
  readonly hops: readonly string[];
  /** Now: it may be raised. */
  readonly bandwidthMbps: number;
  /** When the reservation ends, and the path with it; undefined for one that stays. */
  readonly endsAt: string | undefined;
  /** Measured from host to host. */
  readonly rttMs: number;
  /** How many moves share it now, this one included. */
  sharers(): number;
  /** Has it carry the most that the move declares, or tells why not. Never rejects. */
  raise(): Promise<Raised>;
  /** Has its reservation last until then (ms since 1970). Rejects with the reason, nothing changed. */
  extend(untilMs: number): Promise<void>;
  /** Gives it back; if no other move uses it, with both hosts taken off first (a declared one stays reserved, dark). */
  putOut(): Promise<void>;
}

/** What one move does about a path, and what it must do about it once it is over. */
interface Lighting {
  readonly move: Move;
  readonly permit: Permit | undefined;
  readonly lightpathOf: (home: PathController) => Lightpath;
  readonly journal: Journal;
  ends: readonly Attachment[];
  path: SharedPath | undefined;
  connectionId: string | undefined;
}

/** Reserves where nothing is reserved yet, lights the path, and puts both hosts on it; or joins another move on its. */
export async function light(
  move: Move,
  permit: Permit | undefined,
  lightpathOf: (home: PathController) => Lightpath,
  journal: Journal,
  undo: Undo,
  { berth, waits }: { readonly berth: Berth<SharedPath>; readonly waits: (why: string) => void },
): Promise<LitPath> {
  const lighting: Lighting = { move, permit, lightpathOf, journal, ends: [], path: undefined, connectionId: undefined };
  undo("the lightpath", () => berth.leave());
  const boarding = {
    light: () => first(lighting),
    join: (lit: SharedPath) => join(lighting, lit),
    leave: (last: boolean) => leave(lighting, last),
  };
  const path = await berth.board(boarding, waits);
  lighting.path = path;
  const asker = { move, permit, lightpath: permit && lightpathOf(permit.home) };
  return {
    connectionId: path.connection?.connectionId,
    hops: path.connection?.segments.map(({ domain }) => domain) ?? [],
    get bandwidthMbps() {
      return path.ends[0].bandwidthMbps;
    },
    get endsAt() {
      return path.connection?.window.end;
    },
    rttMs: path.rttMs,
    sharers: () => berth.sharers,
    raise: () => raise(path, asker),
    extend: (untilMs) => extend(path, asker, untilMs),
    putOut: () => berth.leave(),
  };
}

async function first(lighting: Lighting): Promise<SharedPath> {
  const { move, permit, journal } = lighting;
  const connection = permit && (await provision(lighting, permit));
  const ends = attachments(move, connection);
  lighting.ends = ends;
  await journal.lights([move.from, move.to].map((end) => portOf(end, connection)));
  await Promise.all(ends.map(attach));
  return new SharedPath(connection, ends, await measureRtt(ends[0]));
}

/** Every domain on the way is asked to let this VM use what was reserved for another. */
async function join(lighting: Lighting, path: SharedPath): Promise<void> {
  const { move, permit, journal, lightpathOf } = lighting;
  const { connection, ends } = path;
  lighting.ends = ends;
  if (permit && connection) {
    const { connectionId } = connection;
    lighting.connectionId = connectionId;
    await journal.borrow({ home: permit.home, connection: connectionId, declared: move.path.kind === "reserved" });
    // Not while another has it raised: the token must cover what it carries then.
    await path.inTurn(async () => {
      const { bandwidthMbps = move.path.bandwidthMbps } = path.connection ?? {};
      const enough = bandwidthMbps <= move.path.bandwidthMbps;
      const token = enough ? await current(permit, move) : await permit.tokenFor(bandwidthMbps, permit.window.end);
      await lightpathOf(permit.home).join(connectionId, move.vm.name, token);
    });
  }
  await journal.lights([move.from, move.to].map((end) => portOf(end, connection)));
}

async function leave({ move, permit, lightpathOf, ends, path, connectionId }: Lighting, last: boolean): Promise<void> {
  // Whatever is being done about it comes to its end first.
  await path?.inTurn(async () => undefined);
  if (last) await detachAll(ends);
  if (permit === undefined || connectionId === undefined) return;
  const lightpath = lightpathOf(permit.home);
  if (move.path.kind === "reserved") await lightpath.release(connectionId);
  else await lightpath.leave(connectionId, move.vm.name);
}

async function provision(lighting: Lighting, permit: Permit): Promise<Connection> {
  const { move, journal } = lighting;
  const { path, from, to, vm } = move;
  const lightpath = lighting.lightpathOf(permit.home);
  const declared = path.kind === "reserved";
  const { bandwidthMbps, mtu } = path;
  const { home, window } = permit;
  const token = await current(permit, move);
  const constraints = path.kind === "on-demand" ? path.constraints : undefined;
  const ends = { from: from.location.stp, to: to.location.stp };
  const request = { ...ends, bandwidthMbps, mtu, window, vm: vm.name, constraints };
  if (!declared) await journal.borrow({ home, reserving: window });
  const id = declared ? path.connectionId : (await lightpath.reserve(request, token)).connectionId;
  lighting.connectionId = id;
  await journal.borrow({ home, connection: id, declared });
  return await lightpath.provision(id, token);
}

/** Another path between the same hosts may have been waited for, for longer than a token lives. */
async function current({ token, expiresAt, window, tokenFor }: Permit, { path }: Move): Promise<string> {
  if (Date.now() + LIGHT_MS < Date.parse(expiresAt)) return token;
  return await tokenFor(path.bandwidthMbps, window.end);
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
