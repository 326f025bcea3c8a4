import type { Offer, OfferRequest } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import type { Ask } from "./known-times.ts";
import { findSlot } from "./route.ts";
import { waysBetween } from "./ways.ts";

const MINUTE_MS = 60_000;
/** What begins later than this is not "next" to anybody. */
const HORIZON_MS = 24 * 60 * MINUTE_MS;
/** Who asks waits 2.5 s, for a preview: a domain that is silent is named before that. */
const ANSWER_MS = 1_500;

/** Tells what a reservation would get, and holds nothing: the way, its round trip, what is free, and from when. */
export class Offers {
  readonly #topology: Topology;
  readonly #ask: Ask;

  constructor(topology: Topology, ask: Ask) {
    this.#topology = topology;
    this.#ask = ask;
  }

  /** Rejects with Refused: 404 if no way leads there, 409 if none was found free, 502 or 504 naming a domain that is silent. */
  async find({ from, to, bandwidthMbps, minutes }: OfferRequest): Promise<Offer> {
    const [first, last] = [domainOf(this.#topology, from), domainOf(this.#topology, to)];
    const any = waysBetween(this.#topology, [first, last], 0, 1);
    const [hops = any[0]] = waysBetween(this.#topology, [first, last], bandwidthMbps, 1);
    if (hops === undefined) throw new Refused(404, "path.unknown", `no way leads from ${first} to ${last}`);
    const [fromMs, durationMs] = [Date.now(), minutes * MINUTE_MS];
    const wish = { from, to, bandwidthMbps, durationMs, fromMs, untilMs: fromMs + HORIZON_MS + durationMs };
    const askInTime: Ask = async (domain, request) => await inTime(domain, this.#ask(domain, request));
    const route = await findSlot(this.#topology, hops, wish, askInTime);
    if (route === undefined) throw noneFound(bandwidthMbps, minutes, fromMs, fromMs + HORIZON_MS);
    const { rttMs, startMs, freeMbps } = route;
    const startsAt = new Date(startMs).toISOString();
    return { hops: [...hops], rttMs, startsAt, ...(freeMbps === undefined ? {} : { freeMbps }) };
  }
}

/** What was looked at, and no more: nothing is said of the days behind. */
function noneFound(bandwidthMbps: number, minutes: number, fromMs: number, untilMs: number): Refused {
  const [from, until] = [fromMs, untilMs].map((ms) => new Date(ms).toISOString());
  const want = `${bandwidthMbps} Mbps and a channel free for ${minutes} minutes`;
  return new Refused(409, "capacity.short", `no way has ${want} that begin between ${from} and ${until}`);
}

async function inTime<T>(domain: string, answer: Promise<T>): Promise<T> {
  const late = Promise.withResolvers<never>();
  const reason = `${domain} gave no answer in ${ANSWER_MS / 1_000} s`;
  const silent = new Refused(504, "domain.unreachable", reason, domain);
  const timer = setTimeout(() => late.reject(silent), ANSWER_MS);
  return await Promise.race([answer, late.promise]).finally(() => clearTimeout(timer));
}
