import { cheapestWay, type Found } from "./cheapest.ts";
import { type Constraints, Permits } from "./constraints.ts";
import { ALL_LABELS, type LabelSet, NO_LABELS } from "./labels.ts";
import type { Network, NetworkLink } from "./network.ts";
import type { Times, Want } from "./timetable.ts";
import type { FreeLabels, Way } from "./way.ts";

/** A way from one node to another with so much of every link, for so long, within a window. */
export interface SlotRequest extends Want {
  readonly from: string;
  readonly to: string;
  /** It begins no sooner, and ends no later. */
  readonly window: { readonly fromMs: number; readonly untilMs: number };
  readonly constraints: Constraints;
}

/** `searchedMs`: no earlier start than this is possible; none at all in the window if `proven`. */
export type Slot<T> =
  | { readonly kind: "found"; readonly startMs: number; readonly what: T; readonly free: FreeLabels }
  | { readonly kind: "none"; readonly proven: boolean; readonly searchedMs: number };

/** Starts that are tried before the search is given up. */
const MOST_STARTS = 200;

/** The earliest slot, and the cheapest way in it. Throws RangeError for unknown nodes. */
export function earliestWay(network: Network, timetable: Times, request: SlotRequest): Slot<Way> {
  const { from, to, constraints } = request;
  return earliest(network, timetable, request, (free) => cheapestWay({ network, from, to, constraints, free }));
}

/**
 * The earliest start in the window at which `find` finds something, and what it finds first of all then. `find` must not be
 * hindered by more free links or labels.
 */
export function earliest<T extends object>(
  network: Network,
  timetable: Times,
  request: SlotRequest,
  find: (free: FreeLabels) => Found<T>,
): Slot<T> {
  const { window, durationMs } = request;
  const latestMs = window.untilMs - durationMs;
  const permits = new Permits(request.constraints);
  const links = network.links.filter((link) => permits.allows(link));
  const fits = new Fits(timetable, request, latestMs);
  const none = (proven: boolean, searchedMs: number) => ({ kind: "none", proven, searchedMs }) as const;
  let startMs = window.fromMs;
  for (let starts = 0; starts < MOST_STARTS; starts++) {
    if (startMs > latestMs) return none(true, latestMs);
    const free = freeAt(timetable, request, startMs);
    const what = find(free);
    if (what === "undecided") return none(false, startMs);
    if (what !== undefined) return { kind: "found", startMs, what, free };
    const bound = soonest(links, fits, startMs, find);
    if (bound === "undecided") return none(false, startMs);
    if (bound === undefined) return none(true, latestMs);
    // All that lacks is one label on both sides: that changes only where a booking does.
    startMs = bound > startMs ? bound : timetable.nextChange(startMs);
  }
  return none(false, startMs);
}

/** The labels that are free on each link from a moment on, as long as is wanted; looked up once. */
function freeAt(timetable: Times, { mbps, durationMs }: Want, startMs: number): FreeLabels {
  const known = new Map<NetworkLink, LabelSet>();
  const span = { fromMs: startMs, untilMs: startMs + durationMs };
  return (link) => {
    const before = known.get(link);
    if (before !== undefined) return before;
    const free = timetable.hasRate(link, mbps, span) ? timetable.freeLabels(link, span) : NO_LABELS;
    known.set(link, free);
    return free;
  };
}

/**
 * The first moment by which every link of something that `find` finds could begin, each for itself: nothing can begin sooner.
 * Undefined if there is none in the window.
 */
function soonest<T extends object>(
  links: readonly NetworkLink[],
  fits: Fits,
  fromMs: number,
  find: (free: FreeLabels) => Found<T>,
): Found<number> {
  const by = (ms: number): Found<T> => find((link) => (fits.from(link, fromMs) <= ms ? ALL_LABELS : NO_LABELS));
  const finite = links.map((link) => fits.from(link, fromMs)).filter(Number.isFinite);
  const moments = [...new Set([fromMs, ...finite])].sort((one, other) => one - other);
  // The more time, the more links: what is found by one moment is found by all later ones.
  let [low, high] = [0, moments.length];
  while (low < high) {
    const middle = Math.floor((low + high) / 2);
    const found = by(moments[middle] ?? fromMs);
    if (found === "undecided") return found;
    if (found === undefined) low = middle + 1;
    else high = middle;
  }
  return moments[low];
}

/** When each link fits next, asked once and good until then. */
class Fits {
  readonly #timetable: Times;
  readonly #want: Want;
  readonly #latestMs: number;
  readonly #next = new Map<NetworkLink, number>();

  constructor(timetable: Times, want: Want, latestMs: number) {
    this.#timetable = timetable;
    this.#want = want;
    this.#latestMs = latestMs;
  }

  /** From a moment on, which is never before the one asked for last. */
  from(link: NetworkLink, fromMs: number): number {
    const known = this.#next.get(link);
    if (known !== undefined && known >= fromMs) return known;
    const next = this.#timetable.firstFit(link, this.#want, fromMs, this.#latestMs);
    this.#next.set(link, next);
    return next;
  }
}
