import { type LabelSet, lowest, NO_LABELS, only } from "./labels.ts";
import type { Network, NetworkLink } from "./network.ts";
import { StepFunction } from "./step-function.ts";

/** From is inside, until is not; ms since 1970. */
export interface Span {
  readonly fromMs: number;
  readonly untilMs: number;
}

/** A part of a link that is taken for a time. */
export interface Taken extends Span {
  readonly mbps: number;
  readonly label: number;
}

/** What is asked of each link of a way: a rate, for so long. */
export interface Want {
  readonly mbps: number;
  readonly durationMs: number;
}

/** What a search asks of a timetable. */
export interface Times {
  /** Whether a link has a rate, in Mbps, left over a whole span. */
  hasRate(link: NetworkLink, mbps: number, span: Span): boolean;
  /** The labels that nobody has at any moment of a span. */
  freeLabels(link: NetworkLink, span: Span): LabelSet;
  /** The earliest start in [fromMs, latestMs] at which a link has the rate and some label all the time; Infinity if none. */
  firstFit(link: NetworkLink, want: Want, fromMs: number, latestMs: number): number;
  /** When anything next changes after a moment, on any link: only then may something become free. Infinity if nothing does. */
  nextChange(afterMs: number): number;
}

interface LinkTimes {
  readonly rate: StepFunction;
  readonly labels: Map<number, StepFunction>;
  booked: LabelSet;
}

/** Fractions of a Mbps are counted in whole bits a second, so that what is given back is exactly what was taken. */
const bits = (mbps: number): number => Math.round(mbps * 1_000_000);

/** What is taken of every link of a network, at any time. */
export class Timetable implements Times {
  readonly #network: Network;
  readonly #links = new Map<NetworkLink, LinkTimes>();

  constructor(network: Network) {
    this.#network = network;
    for (const link of network.links) {
      this.#links.set(link, { rate: new StepFunction(), labels: new Map(), booked: NO_LABELS });
    }
  }

  book(link: NetworkLink, taken: Taken): void {
    this.#change(link, taken, 1);
  }

  /** Gives back what was booked just so. */
  cancel(link: NetworkLink, taken: Taken): void {
    this.#change(link, taken, -1);
  }

  /** What a link has left over a whole span, in Mbps. */
  freeMbps(link: NetworkLink, { fromMs, untilMs }: Span): number {
    return (bits(link.capacityMbps) - (this.#links.get(link)?.rate.highest(fromMs, untilMs) ?? 0)) / 1_000_000;
  }

  hasRate(link: NetworkLink, mbps: number, { fromMs, untilMs }: Span): boolean {
    const limit = bits(link.capacityMbps) - bits(mbps);
    return limit >= 0 && (this.#links.get(link)?.rate.staysWithin(limit, fromMs, untilMs) ?? false);
  }

  freeLabels(link: NetworkLink, { fromMs, untilMs }: Span): LabelSet {
    let free = this.#network.labelsOf(link);
    for (const [label, times] of this.#links.get(link)?.labels ?? []) {
      if (!times.staysWithin(0, fromMs, untilMs)) free &= ~only(label);
    }
    return free;
  }

  firstFit(link: NetworkLink, { mbps, durationMs }: Want, fromMs: number, latestMs: number): number {
    const times = this.#links.get(link);
    const limit = bits(link.capacityMbps) - bits(mbps);
    if (times === undefined || limit < 0) return Number.POSITIVE_INFINITY;
    for (let startMs = fromMs; ; ) {
      startMs = times.rate.firstFit(limit, durationMs, startMs, latestMs);
      if (startMs === Number.POSITIVE_INFINITY) return startMs;
      const labelMs = this.#firstLabel(link, times, durationMs, startMs, latestMs);
      if (labelMs === startMs || labelMs === Number.POSITIVE_INFINITY) return labelMs;
      startMs = labelMs;
    }
  }

  nextChange(afterMs: number): number {
    let soonest = Number.POSITIVE_INFINITY;
    for (const { rate, labels } of this.#links.values()) {
      for (const times of [rate, ...labels.values()]) soonest = Math.min(soonest, times.nextChange(afterMs));
    }
    return soonest;
  }

  #firstLabel(link: NetworkLink, times: LinkTimes, durationMs: number, fromMs: number, latestMs: number): number {
    const labels = this.#network.labelsOf(link);
    if ((labels & ~times.booked) !== NO_LABELS) return fromMs;
    let soonest = Number.POSITIVE_INFINITY;
    for (let rest = labels; rest !== NO_LABELS; rest &= rest - 1n) {
      const startMs = times.labels.get(lowest(rest))?.firstFit(0, durationMs, fromMs, latestMs) ?? fromMs;
      if (startMs === fromMs) return fromMs;
      soonest = Math.min(soonest, startMs);
    }
    return soonest;
  }

  #change(link: NetworkLink, { fromMs, untilMs, mbps, label }: Taken, sign: 1 | -1): void {
    const times = this.#links.get(link);
    if (times === undefined) throw new RangeError(`there is no link ${link.id} in the network`);
    times.rate.add(fromMs, untilMs, sign * bits(mbps));
    const ofLabel = times.labels.get(label) ?? new StepFunction();
    ofLabel.add(fromMs, untilMs, sign);
    times.labels.set(label, ofLabel);
    times.booked |= only(label);
  }
}
