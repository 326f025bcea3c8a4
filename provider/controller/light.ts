import { reasonOf, TurntableError } from "../errors.ts";
import { type Attachment, attach, detach, measureRtt } from "../lightpath/attachment.ts";
import { type Connection, type Lightpath, LinkDown, type PathController } from "../lightpath/lightpath.ts";
import { around, type Permit } from "./authorize.ts";
import type { Clearings } from "./clearings.ts";
import type { Undo } from "./course.ts";
import type { Journal } from "./journal.ts";
import type { Move } from "./move.ts";
import { deviceAt, endsOf } from "./path-ends.ts";
import { LIGHT_MS, requireBudget } from "./prediction.ts";
import { lesserMbps, raiseAgain, recast } from "./recast.ts";
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
  /**
   * Gives it back; if no other move uses it, with both hosts taken off first. A declared one stays reserved: dark, or, where
   * that is declared, re-cast with both hosts on it.
   */
  putOut(): Promise<void>;
}

/** What one move does about a path, and what it must do about it once it is over. */
interface Lighting {
  readonly move: Move;
  /** Another one, once another way is taken. */
  permit: Permit | undefined;
  readonly lightpathOf: (home: PathController) => Lightpath;
  readonly journal: Journal;
  /** Asks again while moves that broke off still hold what is asked for. */
  readonly insist: <T>(reserve: (again: boolean) => Promise<T>) => Promise<T>;
  readonly say: (line: string) => void;
  /** Links that were found to be down. */
  readonly avoided: string[];
  ends: readonly Attachment[];
  path: SharedPath | undefined;
  connectionId: string | undefined;
}

/** Others may be on the same path, or still hold what it needs. */
interface Shared {
  readonly berth: Berth<SharedPath>;
  readonly clearings: Clearings;
  /** Told what this move waits for. */
  readonly waits: (why: string) => void;
  readonly say: (line: string) => void;
}

/** Reserves where nothing is reserved yet, lights the path, and puts both hosts on it; or joins another move on its. */
export async function light(
  move: Move,
  permit: Permit | undefined,
  lightpathOf: (home: PathController) => Lightpath,
  journal: Journal,
  undo: Undo,
  { berth, clearings, waits, say }: Shared,
): Promise<LitPath> {
  const nothing = { avoided: [], ends: [], path: undefined, connectionId: undefined };
  const insist: Lighting["insist"] = (reserve) => clearings.insist(reserve, waits);
  const lighting: Lighting = { move, permit, lightpathOf, journal, insist, say, ...nothing };
  undo("the lightpath", () => berth.leave());
  const boarding = {
    light: () => first(lighting),
    join: (lit: SharedPath) => join(lighting, lit),
    leave: (last: boolean) => leave(lighting, last),
  };
  const path = await berth.board(boarding, waits);
  lighting.path = path;
  const asker = { move, permit: lighting.permit, lightpath: permit && lightpathOf(permit.home) };
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
  await journal.lights(ports(move, connection));
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
      const right = enough ? await current(permit, move) : await renewed(permit, bandwidthMbps);
      await lightpathOf(permit.home).join(connectionId, move.vm.name, right.token);
    });
  }
  await journal.lights(ports(move, connection));
}

async function leave({ move, permit, lightpathOf, ends, path, connectionId }: Lighting, last: boolean): Promise<void> {
  // Whatever is being done about it comes to its end first.
  await path?.inTurn(async () => undefined);
  const lightpath = permit && lightpathOf(permit.home);
  const lesser = lesserMbps(move.path);
  if (lightpath && connectionId !== undefined && lesser !== undefined) {
    const right = { vm: move.vm.name, tokenFor: permit.tokenFor };
    if (await recast(lightpath, { connectionId, ends, bandwidthMbps: lesser }, right)) return;
  }
  if (last) await Promise.all(ends.map(detach));
  if (lightpath === undefined || connectionId === undefined) return;
  if (move.path.kind === "reserved") await lightpath.release(connectionId);
  else await lightpath.leave(connectionId, move.vm.name);
}

async function provision(lighting: Lighting, permit: Permit): Promise<Connection> {
  const { move, journal, avoided } = lighting;
  const { path, vm } = move;
  const lightpath = lighting.lightpathOf(permit.home);
  const { home } = permit;
  const declared = path.kind === "reserved";
  const right = await current(permit, move);
  const ask = async (again: boolean) =>
    await reserve(lighting, home, again ? await renewed(permit, path.bandwidthMbps) : right);
  const { id, token, rttMs } = declared
    ? { id: path.connectionId, token: right.token, rttMs: undefined }
    : await lighting.insist(ask);
  lighting.connectionId = id;
  await journal.borrow({ home, connection: id, declared, recastMbps: lesserMbps(path) });
  if (rttMs !== undefined) requireBudget(move, rttMs);
  const raised = declared ? await raiseAgain(lightpath, path, { vm: vm.name, tokenFor: permit.tokenFor }) : undefined;
  if (raised?.state === "provisioned") return raised;
  try {
    return await lightpath.provision(id, token);
  } catch (thrown) {
    if (!(thrown instanceof LinkDown) || declared || permit.elsewhere === undefined) throw thrown;
    await lightpath.leave(id, vm.name);
    lighting.connectionId = undefined;
    await journal.borrow({ reserving: undefined, connection: undefined });
    avoided.push(thrown.link);
    const another = await permit.elsewhere(thrown.link).catch((none) => Promise.reject(noOtherWay(thrown, none)));
    lighting.permit = another;
    lighting.say(`light: link ${thrown.link} is down: through ${another.domains.join(", ")} instead`);
    return await provision(lighting, another);
  }
}

async function reserve({ move, lightpathOf, journal, avoided }: Lighting, home: PathController, right: Right) {
  const { path, from, to, vm } = move;
  const { bandwidthMbps, mtu } = path;
  const { token, window } = right;
  const constraints = path.kind === "on-demand" ? around(path.constraints, avoided) : undefined;
  const ends = { from: from.location.stp, to: to.location.stp };
  const request = { ...ends, bandwidthMbps, mtu, window, vm: vm.name, constraints };
  await journal.borrow({ home, reserving: window });
  // What OSCARS only holds it does not list: it is found again by its id alone.
  const named = (connection: string) => journal.borrow({ connection });
  const { connectionId, rttMs } = await lightpathOf(home).reserve(request, token, named);
  return { id: connectionId, token, rttMs };
}

function noOtherWay({ link, message, next }: LinkDown, thrown: unknown): TurntableError {
  const why = `${message.replace(next, "").trim()} No other way was granted: ${reasonOf(thrown)}`;
  return new TurntableError("lightpath.failed", why, {
    retry: "safe",
    next: `Have link ${link} repaired.`,
    cause: thrown,
  });
}

/** What may be asked for, and by which token. */
type Right = Pick<Permit, "token" | "window">;

/** Another path between the same hosts may have been waited for, for longer than a token lives. */
async function current(permit: Permit, { path }: Move): Promise<Right> {
  if (Date.now() + LIGHT_MS < Date.parse(permit.expiresAt)) return permit;
  return await renewed(permit, path.bandwidthMbps);
}

/** By a token that begins when it is made: a domain may have taken the last one as spent on what another refused. */
async function renewed({ window: { end }, tokenFor }: Permit, bandwidthMbps: number): Promise<Right> {
  const token = await tokenFor(bandwidthMbps, end);
  return { token, window: { start: new Date().toISOString(), end } };
}

function attachments({ from, to, path }: Move, connection: Connection | undefined) {
  if (connection !== undefined) return endsOf([from, to], connection, connection);
  if (path.kind === "fixed") return endsOf([from, to], path, undefined);
  throw new TypeError(`a path of kind ${path.kind} needs a connection`);
}

function ports({ from, to }: Move, connection: Connection | undefined) {
  return [from, to].map((end) => {
    return { site: end.location.name, host: end.record.name, device: deviceAt(end, connection) };
  });
}
