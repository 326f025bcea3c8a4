import type { ReserveRequest, Segment } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import type { Terminal } from "../element/element.ts";
import { earliestWay, type Slot } from "../paths/earliest.ts";
import { labelsFor, type Way } from "../paths/way.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import { type Ask, type KnownTimes, stpNode, timesAlong } from "./known-times.ts";

/** Which way a connection takes, port by port, and when it can begin. */
export interface Route {
  readonly segments: readonly Segment[];
  /** There and back. */
  readonly rttMs: number;
  readonly startMs: number;
  /** On every link all the time; undefined where the way has no links. */
  readonly freeMbps: number | undefined;
}

/** A rate for so long, beginning and ending within a time. */
export interface Wish {
  readonly from: string;
  readonly to: string;
  readonly bandwidthMbps: number;
  readonly durationMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

/** Who finds no room is told when there is next, if that is as near as this. */
const LOOKAHEAD_MS = 7 * 24 * 3_600_000;

/**
 * The cheapest way along these domains on which every port has the rate left over the whole window, and links a channel that is
 * free at both ends. Rejects with Refused: 403 if the domains do not lead there, 409 if there is no room, with the next slot.
 */
export async function findRoute(
  topology: Topology,
  domains: readonly string[],
  wish: ReserveRequest,
  ask: Ask,
): Promise<Route> {
  const [from, to] = [domainOf(topology, wish.from), domainOf(topology, wish.to)];
  if (domains[0] !== from || domains.at(-1) !== to) {
    const way = `the token's way (${domains.join(", ")})`;
    throw new Refused(403, "token.insufficient", `${way} does not lead from ${from} to ${to}`);
  }
  const [fromMs, untilMs] = [Date.parse(wish.window.start), Date.parse(wish.window.end)];
  const exactly = { ...wish, durationMs: untilMs - fromMs, fromMs, untilMs };
  const times = await askAlong(topology, domains, { ...exactly, untilMs: untilMs + LOOKAHEAD_MS }, ask);
  const route = routeIn(times, domains, exactly);
  if (route !== undefined) return route;
  const later = routeIn(times, domains, { ...exactly, untilMs: untilMs + LOOKAHEAD_MS });
  throw full(times, domains, exactly, later?.startMs);
}

/** The soonest such way within a time; undefined if there is none. Rejects with Refused if a domain is silent. */
export async function findSlot(
  topology: Topology,
  domains: readonly string[],
  wish: Wish,
  ask: Ask,
): Promise<Route | undefined> {
  return routeIn(await askAlong(topology, domains, wish, ask), domains, wish);
}

async function askAlong(topology: Topology, domains: readonly string[], wish: Wish, ask: Ask): Promise<KnownTimes> {
  const window = { start: new Date(wish.fromMs).toISOString(), end: new Date(wish.untilMs).toISOString() };
  return await timesAlong(topology, domains, [wish.from, wish.to], window, ask);
}

function routeIn(times: KnownTimes, domains: readonly string[], wish: Wish): Route | undefined {
  const slot = slotBetween(times, stpNode(wish.from), stpNode(wish.to), wish);
  if (slot.kind === "none") return undefined;
  const { startMs, what: way, free } = slot;
  const labels = labelsFor(times.network, way, free);
  if (labels === undefined) return undefined;
  const span = { fromMs: startMs, untilMs: startMs + wish.durationMs };
  const freeMbps = Math.min(...way.links.map((link) => times.timetable.freeMbps(link, span)));
  return {
    segments: segmentsOn(times, domains, way, labels),
    rttMs: 2 * way.delayMs,
    startMs,
    freeMbps: Number.isFinite(freeMbps) ? freeMbps : undefined,
  };
}

function slotBetween({ network, timetable }: KnownTimes, from: string, to: string, wish: Wish): Slot<Way> {
  const { bandwidthMbps: mbps, durationMs, fromMs, untilMs } = wish;
  const window = { fromMs, untilMs };
  return earliestWay(network, timetable, { from, to, mbps, durationMs, window, constraints: {} });
}

/** Every domain on the way has two of the way's ports, one after the other. */
function segmentsOn(times: KnownTimes, domains: readonly string[], way: Way, labels: readonly number[]): Segment[] {
  const terminals: (Terminal & { domain: string })[] = way.links.map((link, index) => {
    return { ...times.portOf(link), channel: labels[index] ?? 0 };
  });
  return domains.map((domain) => {
    const [inner, out] = terminals.filter((one) => one.domain === domain);
    if (inner === undefined || out === undefined) throw new Error(`the way found does not lead through ${domain}`);
    const terminal = ({ port, channel }: Terminal): Terminal => ({ port, channel });
    return { domain, in: terminal(inner), out: terminal(out) };
  });
}

/** Says where there is no room, and when there will be. */
function full(times: KnownTimes, domains: readonly string[], wish: Wish, nextMs: number | undefined): Refused {
  const at = (ms: number): string => new Date(ms).toISOString();
  const shut = (from: string, to: string): boolean => slotBetween(times, from, to, wish).kind === "none";
  const next =
    nextMs === undefined
      ? `nor for as long at any time before ${at(wish.untilMs + LOOKAHEAD_MS)}`
      : `${wish.bandwidthMbps} Mbps are free for as long from ${at(nextMs)}`;
  const hop = domains.slice(1).findIndex((to, index) => shut(domains[index] ?? "", to));
  const stp = [wish.from, wish.to].find((id, index) => shut(stpNode(id), (index ? domains.at(-1) : domains[0]) ?? ""));
  if (hop < 0 && stp !== undefined) {
    const domain = stp === wish.from ? domains[0] : domains.at(-1);
    return new Refused(409, "channel.taken", `no channel of ${stp} is free at that time; ${next}`, domain);
  }
  const between = hop < 0 ? domains : domains.slice(hop, hop + 2);
  const want = `${wish.bandwidthMbps} Mbps and a channel free from ${at(wish.fromMs)} to ${at(wish.untilMs)}`;
  return new Refused(409, "capacity.short", `no link between ${between.join(" and ")} has ${want}; ${next}`);
}
