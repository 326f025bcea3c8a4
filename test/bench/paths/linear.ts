import { freeChannels, peakMbps } from "../../../provider/domain/drac/calendar.ts";
import { type LabelSet, NO_LABELS, only } from "../../../provider/domain/paths/labels.ts";
import type { NetworkLink } from "../../../provider/domain/paths/network.ts";
import type { Span, Times, Want } from "../../../provider/domain/paths/timetable.ts";
import type { Booked } from "./world.ts";

/** The plain calendar to compare with: a list of bookings for each link, read from end to end at each question. */
export class LinearTimes implements Times {
  readonly #bookings: ReadonlyMap<NetworkLink, readonly Booked[]>;
  readonly #all: readonly Booked[];

  constructor(bookings: readonly Booked[]) {
    this.#all = bookings;
    this.#bookings = Map.groupBy(bookings, ({ link }) => link);
  }

  hasRate(link: NetworkLink, mbps: number, span: Span): boolean {
    return peakMbps(this.#of(link), span) + mbps <= link.capacityMbps;
  }

  freeLabels(link: NetworkLink, span: Span): LabelSet {
    const [range] = link.labels;
    return freeChannels(this.#of(link), (range?.[1] ?? -1) + 1, span).reduce(
      (all, label) => all | only(label),
      NO_LABELS,
    );
  }

  firstFit(link: NetworkLink, { mbps, durationMs }: Want, fromMs: number, latestMs: number): number {
    const bookings = this.#of(link);
    const starts = [fromMs, ...bookings.map(({ untilMs }) => untilMs)]
      .filter((ms) => ms >= fromMs && ms <= latestMs)
      .sort((one, other) => one - other);
    const fits = (startMs: number): boolean => {
      const span = { fromMs: startMs, untilMs: startMs + durationMs };
      return peakMbps(bookings, span) + mbps <= link.capacityMbps && this.freeLabels(link, span) !== NO_LABELS;
    };
    return starts.find(fits) ?? Number.POSITIVE_INFINITY;
  }

  nextChange(afterMs: number): number {
    const moments = this.#all.flatMap(({ fromMs, untilMs }) => [fromMs, untilMs]);
    return moments.reduce((least, ms) => (ms > afterMs ? Math.min(least, ms) : least), Number.POSITIVE_INFINITY);
  }

  #of(link: NetworkLink): (Booked & { channel: number })[] {
    return (this.#bookings.get(link) ?? []).map((one) => ({ ...one, channel: one.label }));
  }
}
