import type { Offer, OfferRequest } from "../../lightpath/drac/wire.ts";
import type { Way } from "../paths/way.ts";
import { Refused } from "../refused.ts";
import { type KnownTimes, partsOf } from "./known-times.ts";
import { LOOKAHEAD_MS, type Wish } from "./route.ts";

const MINUTE_MS = 60_000;
/** Of what is wanted now: what begins later than this is not "next" to anybody. */
const HORIZON_MS = 24 * 60 * MINUTE_MS;

/** What an offer is looked for: as long as the request says, from its time on, as far ahead as is looked. */
export function wishOf(request: OfferRequest): Wish {
  const { from, to, bandwidthMbps, constraints } = request;
  const wish = { from, to, bandwidthMbps, constraints };
  if ("window" in request) {
    const [fromMs, endMs] = [Date.parse(request.window.start), Date.parse(request.window.end)];
    return { ...wish, durationMs: endMs - fromMs, fromMs, untilMs: endMs + LOOKAHEAD_MS };
  }
  const [fromMs, durationMs] = [Date.now(), request.minutes * MINUTE_MS];
  return { ...wish, durationMs, fromMs, untilMs: fromMs + HORIZON_MS + durationMs };
}

/** A way that is free from a moment on, as it is told. */
export function offerOf({ timetable }: KnownTimes, way: Way, startMs: number, durationMs: number): Offer {
  const span = { fromMs: startMs, untilMs: startMs + durationMs };
  const freeMbps = Math.min(...way.links.map((link) => timetable.freeMbps(link, span)));
  const told = { ...partsOf(way.nodes), rttMs: 2 * way.delayMs, startsAt: new Date(startMs).toISOString() };
  return Number.isFinite(freeMbps) ? { ...told, freeMbps } : told;
}

/** Refused (409): tells what was looked at, and no more; nothing is said of the days behind. */
export function noneFound(what: string, { bandwidthMbps, durationMs, fromMs, untilMs }: Wish): Refused {
  const [from, until] = [fromMs, untilMs - durationMs].map((ms) => new Date(ms).toISOString());
  const want = `${bandwidthMbps} Mbps and a channel free for ${Math.ceil(durationMs / MINUTE_MS)} minutes`;
  return new Refused(409, "capacity.short", `no ${what} has ${want} that begin between ${from} and ${until}`);
}
