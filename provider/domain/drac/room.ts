import type { Terminal } from "../element/element.ts";
import type { OwnLinks } from "../element/own-links.ts";
import { Refused } from "../refused.ts";
import type { OwnPort } from "../topology.ts";
import type { Occupancy, OccupancyRequest } from "../wire.ts";
import { freeChannels, overlaps, peakMbps, type Span } from "./calendar.ts";
import type { SegmentStore } from "./stored/segments.ts";
import type { Sight } from "./stored/sight.ts";

/** What is left of this domain's ports, at any time. */
export class Room {
  readonly #ports: ReadonlyMap<string, OwnPort>;
  readonly #store: Pick<SegmentStore, "bookings">;
  readonly #links: Pick<OwnLinks, "isDark">;

  constructor(
    ports: ReadonlyMap<string, OwnPort>,
    store: Pick<SegmentStore, "bookings">,
    links: Pick<OwnLinks, "isDark">,
  ) {
    this.#ports = ports;
    this.#store = store;
    this.#links = links;
  }

  /** Ports that this domain does not have are left out. The past is not told. */
  async occupancy({ ports, window }: OccupancyRequest): Promise<Occupancy> {
    const own = ports.flatMap((port) => {
      const found = this.#ports.get(port);
      return found === undefined ? [] : [this.#occupancyOf(port, found, window)];
    });
    return await Promise.all(own);
  }

  /** Throws Refused (409) unless the channel is free and the port carries that much more, all the time. */
  check(sight: Sight, { port, channel }: Terminal, bandwidthMbps: number, span: Span): void {
    const own = this.#ports.get(port);
    if (own === undefined) throw new Refused(403, "path.unknown", `there is no port ${port}`);
    const { channels, mbps } = this.#left(sight, port, own, span);
    if (mbps !== undefined && mbps < bandwidthMbps) {
      throw new Refused(409, "capacity.short", `port ${port} has ${mbps} Mbps left at that time, not ${bandwidthMbps}`);
    }
    if (!channels.includes(channel)) {
      throw new Refused(409, "channel.taken", `channel ${channel} of port ${port} is not free at that time`);
    }
  }

  /** Throws Refused (409) unless the port carries that much more beside what is on it, all the time. */
  checkMore(sight: Sight, port: string, bandwidthMbps: number, span: Span): void {
    const own = this.#ports.get(port);
    const mbps = own && this.#left(sight, port, own, span).mbps;
    if (mbps === undefined || bandwidthMbps <= mbps) return;
    const why = `port ${port} has ${mbps} Mbps left at that time, not another ${bandwidthMbps}`;
    throw new Refused(409, "capacity.short", why);
  }

  async #occupancyOf(port: string, { channels, capacityMbps }: OwnPort, window: OccupancyRequest["window"]) {
    const span = { fromMs: Date.parse(window.start), untilMs: Date.parse(window.end) };
    const bookings = (await this.#store.bookings(port, Date.now())).filter((booking) => overlaps(booking, span));
    const taken = bookings.map(({ fromMs, untilMs, mbps, channel }) => {
      return { start: new Date(fromMs).toISOString(), end: new Date(untilMs).toISOString(), mbps, channel };
    });
    const dark = this.#darkAt(port, channels).map((channel) => ({ ...window, mbps: 0, channel }));
    return { port, channels, taken: [...taken, ...dark], ...(capacityMbps === undefined ? {} : { capacityMbps }) };
  }

  /** Nobody knows when they are back: they are taken for all the time that is asked about. */
  #darkAt(port: string, channels: number): readonly number[] {
    return Array.from({ length: channels }, (_, channel) => channel).filter((channel) =>
      this.#links.isDark({ port, channel }),
    );
  }

  /** The past is not asked for, even if a window begins in it. */
  #left(sight: Sight, port: string, { capacityMbps, channels }: OwnPort, { fromMs, untilMs }: Span) {
    const bookings = sight.bookings(port);
    const span = { fromMs: Math.max(fromMs, Date.now()), untilMs };
    return {
      mbps: capacityMbps === undefined ? undefined : capacityMbps - peakMbps(bookings, span),
      channels: freeChannels(bookings, channels, span).filter((channel) => !this.#links.isDark({ port, channel })),
    };
  }
}
