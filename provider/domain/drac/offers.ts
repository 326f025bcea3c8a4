import type { PathConstraints } from "../../aaa/wire.ts";
import type { AlternativesRequest, Offer, OfferRequest, PairOffer, PairRequest } from "../../lightpath/drac/wire.ts";
import type { Topology } from "../config.ts";
import { alternatives } from "../paths/alternatives.ts";
import { earliest, earliestWay, type Slot } from "../paths/earliest.ts";
import { type LabelSet, NO_LABELS } from "../paths/labels.ts";
import { diversePair, type Pair } from "../paths/pair.ts";
import type { FreeLabels } from "../paths/way.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import { inTime } from "./in-time.ts";
import { type Ask, type KnownTimes, linksAmong, stpNode, timesOn } from "./known-times.ts";
import { noneFound, offerOf, wishOf } from "./offered.ts";
import { slotRequest, timesAlong, type Wish } from "./route.ts";
import { searchOver, waysBetween } from "./ways.ts";

/** Of so many of the cheapest ways the domains are asked for alternatives. */
const MOST_WAYS = 8;

/** Tells what a reservation would get, and holds nothing: the way, its round trip, what is free, and from when. */
export class Offers {
  readonly #topology: Topology;
  readonly #ask: Ask;

  constructor(topology: Topology, ask: Ask) {
    this.#topology = topology;
    this.#ask = inTime(ask);
  }

  /** Rejects with Refused: 404 if no way leads there, 409 if none was found free, 502 or 504 naming a domain that is silent. */
  async find(request: OfferRequest): Promise<Offer> {
    const wish = wishOf(request);
    const [hops = []] = this.#ways(wish, 1);
    const times = await timesAlong(this.#topology, hops, wish, this.#ask);
    const slot = earliestWay(times.network, times.timetable, slotRequest(stpNode(wish.from), stpNode(wish.to), wish));
    if (slot.kind === "none") throw noneFound("way", wish);
    return offerOf(times, slot.what, slot.startMs, wish.durationMs);
  }

  /** Up to `most` ways, the cheapest first, at the first time at which there is any. Rejects as `find` does. */
  async alternatives({ offer: request, most }: AlternativesRequest): Promise<readonly Offer[]> {
    const wish = wishOf(request);
    const times = await this.#timesAmong(this.#ways(wish, MOST_WAYS).flat(), wish);
    const asked = slotRequest(stpNode(wish.from), stpNode(wish.to), wish);
    const slot = earliestWay(times.network, times.timetable, asked);
    if (slot.kind === "none") throw noneFound("way", wish);
    const { ways } = alternatives({ ...asked, network: times.network, free: slot.free }, most);
    return ways.map((way) => offerOf(times, way, slot.startMs, wish.durationMs));
  }

  /**
   * Two ways that share neither risk groups nor what `apart` says, with two channels at either site, at the first time at which
   * there are two. Rejects as `find` does.
   */
  async pair({ offer: request, apart }: PairRequest): Promise<PairOffer> {
    const wish = wishOf(request);
    const diversity = { apart: apart === "domains" ? "nodes" : "links", riskGroups: true } as const;
    const ends = this.#ends(wish);
    const search = searchOver(this.#topology, ends, wish.bandwidthMbps, wish.constraints ?? {});
    const any = search && diversePair(search, diversity);
    const what = `two ways from ${ends.join(" to ")} that share neither ${apart} nor risk groups`;
    if (any === undefined) throw new Refused(404, "path.unknown", `there are no ${what}`);
    const nodes = any === "undecided" ? [] : [...any.working.nodes, ...any.protecting.nodes];
    const times = await this.#timesAmong([...nodes, ...this.#ways(wish, MOST_WAYS).flat()], wish);
    const { network, timetable } = times;
    const asked = slotRequest(ends[0], ends[1], wish);
    const slot: Slot<Pair> = earliest(network, timetable, asked, (free) =>
      hasTwoAt(times, wish, free) ? diversePair({ ...asked, network, free }, diversity) : undefined,
    );
    if (slot.kind === "none") throw noneFound(what, wish);
    const { working, protecting, cheapest } = slot.what;
    const [first, second] = [working, protecting].map((way) => offerOf(times, way, slot.startMs, wish.durationMs));
    if (first === undefined || second === undefined) throw new Error("a pair is two ways");
    return { working: first, protecting: second, cheapest };
  }

  #ends({ from, to }: Wish): readonly [string, string] {
    return [domainOf(this.#topology, from), domainOf(this.#topology, to)];
  }

  /** Wide enough if there are any: what is too wide for all of them is never free. Throws Refused (404) if none leads there. */
  #ways(wish: Wish, most: number): readonly (readonly string[])[] {
    const ends = this.#ends(wish);
    const { bandwidthMbps, constraints } = wish;
    const over = (mbps: number) => waysBetween(this.#topology, ends, mbps, most, constraints);
    const ways = [over(bandwidthMbps), over(0)].find((found) => found.length > 0);
    if (ways !== undefined) return ways;
    throw new Refused(404, "path.unknown", `no way leads from ${ends.join(" to ")}${within(constraints)}`);
  }

  async #timesAmong(domains: readonly string[], wish: Wish): Promise<KnownTimes> {
    const each = [...new Set(domains)];
    return await timesOn(this.#topology, each, linksAmong(this.#topology, each), wish, this.#ask);
  }
}

const within = (constraints: PathConstraints | undefined) =>
  constraints === undefined ? "" : " within the constraints";

/** Both ways begin and end at the same sites, on a channel each. */
function hasTwoAt({ network }: KnownTimes, { from, to }: Wish, free: FreeLabels): boolean {
  return [from, to].every((stp) => network.vertex(stpNode(stp)).arcs.some(({ link }) => hasTwo(free(link))));
}

function hasTwo(labels: LabelSet): boolean {
  return (labels & (labels - 1n)) !== NO_LABELS;
}
