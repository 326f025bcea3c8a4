import type { PathConstraints } from "../../aaa/wire.ts";
import type { ReserveRequest, Segment } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import type { Terminal } from "../element/element.ts";
import { cheapestWay } from "../paths/cheapest.ts";
import { earliestWay, type Slot, type SlotRequest } from "../paths/earliest.ts";
import { labelsFor, type Way } from "../paths/way.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import { boundsOf, unmetBy } from "./bounds.ts";
import { type Ask, type KnownTimes, linksAlong, stpNode, timesOn } from "./known-times.ts";

/** Which way a connection takes, port by port, and when it can begin. */
export interface Route {
  readonly segments: readonly Segment[];
  /** There and back. */
  readonly rttMs: number;
  readonly startMs: number;
}

/** A rate for so long, beginning and ending within a time. */
export interface Wish {
  readonly from: string;
  readonly to: string;
  readonly bandwidthMbps: number;
  readonly durationMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
  readonly constraints?: PathConstraints | undefined;
}

/** Who finds no room is told when there is next, if that is as near as this. */
export const LOOKAHEAD_MS = 7 * 24 * 3_600_000;

/**
 * The cheapest way along these domains that keeps to the constraints, on which every port has the rate left over the whole
 * window, and links a channel that is free at both ends. Rejects with Refused: 403 if the domains do not lead there, or no
 * way over them keeps to the constraints, 409 if there is no room, with the next slot.
 */
export async function findRoute(
  topology: Topology,
  domains: readonly string[],
  wish: ReserveRequest,
  ask: Ask,
): Promise<Route> {
  const [from, to] = [domainOf(topology, wish.from), domainOf(topology, wish.to)];
  const way = `the token's way (${domains.join(", ")})`;
  if (domains[0] !== from || domains.at(-1) !== to)
    throw new Refused(403, "token.insufficient", `${way} does not lead from ${from} to ${to}`);
  const unmet = unmetBy(domains, wish.constraints ?? {});
  if (unmet.length > 0)
    throw new Refused(403, "constraints.unmet", `${way} does not keep to the constraints: ${unmet.join("; ")}`);
  const [fromMs, untilMs] = [Date.parse(wish.window.start), Date.parse(wish.window.end)];
  const exactly = { ...wish, durationMs: untilMs - fromMs, fromMs, untilMs };
  const longer = { ...exactly, untilMs: untilMs + LOOKAHEAD_MS };
  const times = await timesAlong(topology, domains, longer, ask);
  const route = routeIn(times, domains, exactly);
  if (route !== undefined) return route;
  requirePossible(times, domains, exactly);
  throw full(times, domains, exactly, routeIn(times, domains, longer)?.startMs);
}

/** What is asked of the known times for a wish, from one of their nodes to another. */
export function slotRequest(from: string, to: string, wish: Wish): SlotRequest {
  const { bandwidthMbps: mbps, durationMs, fromMs, untilMs, constraints = {} } = wish;
  return { from, to, mbps, durationMs, window: { fromMs, untilMs }, constraints: boundsOf(constraints) };
}

/** Asks the domains of a way what is free on it at the times at which a wish may be fulfilled. */
export async function timesAlong(
  topology: Topology,
  domains: readonly string[],
  wish: Wish,
  ask: Ask,
): Promise<KnownTimes> {
  return await timesOn(topology, domains, linksAlong(topology, domains), wish, ask);
}

function routeIn(times: KnownTimes, domains: readonly string[], wish: Wish): Route | undefined {
  const slot = slotBetween(times, stpNode(wish.from), stpNode(wish.to), wish);
  if (slot.kind === "none") return undefined;
  const { startMs, what: way, free } = slot;
  const labels = labelsFor(times.network, way, free);
  if (labels === undefined) return undefined;
  return { segments: segmentsOn(times, domains, way, labels), rttMs: 2 * way.delayMs, startMs };
}

function slotBetween({ network, timetable }: KnownTimes, from: string, to: string, wish: Wish): Slot<Way> {
  return earliestWay(network, timetable, slotRequest(from, to, wish));
}

/** Throws Refused (403) if no way keeps to the constraints, whatever is free. */
function requirePossible({ network }: KnownTimes, domains: readonly string[], { from, to, constraints }: Wish): void {
  if (constraints === undefined) return;
  const ends = { from: stpNode(from), to: stpNode(to) };
  const search = { network, ...ends, constraints: boundsOf(constraints) };
  if (cheapestWay({ ...search, free: (link) => network.labelsOf(link) }) !== undefined) return;
  const why = `no way over ${domains.join(", ")} keeps to the constraints, whatever is free`;
  throw new Refused(403, "constraints.unmet", why);
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
  const anyhow = { ...wish, constraints: undefined };
  const shut = (from: string, to: string): boolean => slotBetween(times, from, to, anyhow).kind === "none";
  const slot = nextMs === undefined ? undefined : { start: at(nextMs), end: at(nextMs + wish.durationMs) };
  const next =
    slot === undefined
      ? `nor for as long at any time before ${at(wish.untilMs + LOOKAHEAD_MS)}`
      : `${wish.bandwidthMbps} Mbps are free for as long from ${slot.start}`;
  const hop = domains.slice(1).findIndex((to, index) => shut(domains[index] ?? "", to));
  const stp = [wish.from, wish.to].find((id, index) => shut(stpNode(id), (index ? domains.at(-1) : domains[0]) ?? ""));
  if (hop < 0 && stp !== undefined) {
    const domain = stp === wish.from ? domains[0] : domains.at(-1);
    const why = `no channel of ${stp} is free at that time; ${next}`;
    return new Refused(409, "channel.taken", why, domain, undefined, slot);
  }
  const between = hop < 0 ? domains : domains.slice(hop, hop + 2);
  const bound = hop < 0 && wish.constraints !== undefined;
  const what = bound
    ? `way over ${domains.join(", ")} within the constraints`
    : `link between ${between.join(" and ")}`;
  const want = `${wish.bandwidthMbps} Mbps and a channel free from ${at(wish.fromMs)} to ${at(wish.untilMs)}`;
  return new Refused(409, "capacity.short", `no ${what} has ${want}; ${next}`, undefined, undefined, slot);
}
