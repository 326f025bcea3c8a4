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
/** Who asks waits for a preview: the search ends before their patience does. */
const SEARCH_MS = 1_500;

type Ask = (domain: string, request: AvailabilityRequest) => Promise<Availability>;

/** Tells what a reservation would get, and holds nothing: the way, its round trip, what is free, and from when. */
export class Offers {
  readonly #topology: Topology;
  readonly #ask: Ask;

  constructor(topology: Topology, ask: Ask) {
    this.#topology = topology;
    this.#ask = ask;
  }

  /** Rejects with Refused: 404 if no way leads there, 409 if none is free for a day, 502 naming a domain that is silent. */
  async find({ from, to, bandwidthMbps, minutes }: OfferRequest): Promise<Offer> {
    const [first, last] = [domainOf(this.#topology, from), domainOf(this.#topology, to)];
    const links = fastestPath(this.#topology, first, last, () => true);
    if (links === undefined) throw new Refused(404, "path.unknown", `no way leads from ${first} to ${last}`);
    const hops = domainsAlong(first, links);
    const nowMs = Date.now();
    const searchEndsAt = performance.now() + SEARCH_MS;
    for (let startMs = nowMs; ; startMs += STEP_MS) {
      const window = {
        start: new Date(startMs).toISOString(),
        end: new Date(startMs + minutes * MINUTE_MS).toISOString(),
      };
      try {
        const wish = { from, to, bandwidthMbps, mtu: 9_000, window, vm: "-" };
        const { segments, rttMs } = await findRoute(this.#topology, hops, wish, this.#ask);
        const free = segments.map(async ({ domain, in: inner, out }) => {
          const left = await this.#ask(domain, { ports: [inner.port, out.port], window });
          return left.flatMap(({ freeMbps }) => freeMbps ?? []);
        });
        const freeMbps = Math.min(...(await Promise.all(free)).flat());
        return { hops: [...hops], rttMs, startsAt: window.start, ...(Number.isFinite(freeMbps) ? { freeMbps } : {}) };
      } catch (thrown) {
        const full = thrown instanceof Refused && thrown.status === 409;
        if (!full || startMs - nowMs > HORIZON_MS || performance.now() > searchEndsAt) throw thrown;
      }
    }
  }
}
