import type { Context, Hosts } from "../context.ts";
import { homeOf } from "./authorize.ts";
import { Clearings } from "./clearings.ts";
import type { Move } from "./move.ts";
import { type Berth, SharedPaths } from "./shared-path.ts";
import { Turns } from "./turns.ts";
import type { SharedPath } from "./widen.ts";

/** What the moves of one process share. */
interface Company {
  readonly paths: SharedPaths<SharedPath>;
  /** Of each pair of hosts: whose memory is copied and switched over now. */
  readonly turns: Map<string, Turns>;
  readonly clearings: Clearings;
}

/** Who shares connections to hosts shares paths between them. */
const companies = new WeakMap<Hosts, Company>();

/** A move's place among those that go on at the same time. */
export interface Seat {
  readonly berth: Berth<SharedPath>;
  readonly turns: Turns;
  readonly clearings: Clearings;
}

/** To be asked for as a move begins, so that others know of it. End its berth when the move is over. */
export function seatOf(move: Move, { hosts }: Pick<Context, "hosts">): Seat {
  const company = companyOf(hosts);
  const lane = [move.from, move.to]
    .map(({ record }) => `${record.hostKey} ${record.storage}`)
    .sort()
    .join(" | ");
  const turns = company.turns.get(lane) ?? new Turns();
  company.turns.set(lane, turns);
  return { berth: company.paths.announce(lane, keyOf(move)), turns, clearings: company.clearings };
}

/** Where what clears up after a move that broke off is to be told of. */
export const clearingsOf = ({ hosts }: Pick<Context, "hosts">): Clearings => companyOf(hosts).clearings;

function companyOf(hosts: Hosts): Company {
  const known = companies.get(hosts);
  if (known) return known;
  const company = { paths: new SharedPaths<SharedPath>(), turns: new Map<string, Turns>(), clearings: new Clearings() };
  companies.set(hosts, company);
  return company;
}

/** Moves with equal keys can go over one path. A declared one is for its own VM. */
function keyOf(move: Move): string {
  const { path, from, to, vm } = move;
  const most = "maxBandwidthMbps" in path ? path.maxBandwidthMbps : undefined;
  const bound = path.kind === "on-demand" ? path.constraints : undefined;
  const way = [from.location.stp, to.location.stp, path.kind, path.bandwidthMbps, most, path.mtu, bound];
  const home =
    path.kind === "fixed" ? undefined : path.kind === "nsi" || path.kind === "oscars" ? path : homeOf(move, path);
  const declared = path.kind === "reserved" ? [path.connectionId, vm.name] : [];
  return JSON.stringify([...way, home?.url, ...declared]);
}
