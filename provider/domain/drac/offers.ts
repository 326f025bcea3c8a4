import type { Offer, OfferRequest } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import type { Availability, AvailabilityRequest } from "../wire.ts";
import { domainsAlong, fastestPath } from "./path.ts";
import { findRoute } from "./route.ts";

const MINUTE_MS = 60_000;
/** The next free slot is looked for in steps, up to a horizon: what is further away is not "next" to anybody. */
const STEP_MS = 15 * MINUTE_MS;
const HORIZON_MS = 24 * 60 * MINUTE_MS;
/** Who asks waits 2.5 s, for a preview: a domain that is silent is named, and the search ends, before that. */
const ANSWER_MS = 1_500;
const SEARCH_MS = 1_000;

type Ask = (domain: string, request: AvailabilityRequest) => Promise<Availability>;

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
    const links = fastestPath(this.#topology, first, last, () => true);
    if (links === undefined) throw new Refused(404, "path.unknown", `no way leads from ${first} to ${last}`);
    const hops = domainsAlong(first, links);
    const nowMs = Date.now();
    const searchEndsAt = performance.now() + SEARCH_MS;
    const askInTime: Ask = async (domain, request) => await inTime(domain, this.#ask(domain, request));
    for (let startMs = nowMs; ; startMs += STEP_MS) {
      const window = {
        start: new Date(startMs).toISOString(),
        end: new Date(startMs + minutes * MINUTE_MS).toISOString(),
      };
      try {
        const wish = { from, to, bandwidthMbps, mtu: 9_000, window, vm: "-" };
        const { segments, rttMs } = await findRoute(this.#topology, hops, wish, askInTime);
        const free = segments.map(async ({ domain, in: inner, out }) => {
          const left = await askInTime(domain, { ports: [inner.port, out.port], window });
          return left.flatMap(({ freeMbps }) => freeMbps ?? []);
        });
        const freeMbps = Math.min(...(await Promise.all(free)).flat());
        return { hops: [...hops], rttMs, startsAt: window.start, ...(Number.isFinite(freeMbps) ? { freeMbps } : {}) };
      } catch (thrown) {
        const full = thrown instanceof Refused && thrown.status === 409;
        if (!full) throw thrown;
        const over = startMs - nowMs > HORIZON_MS || performance.now() > searchEndsAt;
        if (over) throw noneFound(bandwidthMbps, minutes, nowMs, startMs);
      }
    }
  }
}

/** What was looked at, and no more: a search that ran out of time says nothing of the hours behind. */
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
