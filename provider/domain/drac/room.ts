import type { Terminal } from "../element/element.ts";
import { Refused } from "../refused.ts";
import type { OwnPort } from "../topology.ts";
import type { Availability, AvailabilityRequest } from "../wire.ts";
import { freeChannels, peakMbps, type Span } from "./calendar.ts";
import type { SegmentStore } from "./segment-store.ts";

/** What is left of this domain's ports, at any time. */
export class Room {
  readonly #ports: ReadonlyMap<string, OwnPort>;
  readonly #store: SegmentStore;

  constructor(ports: ReadonlyMap<string, OwnPort>, store: SegmentStore) {
    this.#ports = ports;
    this.#store = store;
  }

  /** Ports that this domain does not have are left out. */
  availability({ ports, window }: AvailabilityRequest): Availability {
    const span = { fromMs: Date.parse(window.start), untilMs: Date.parse(window.end) };
    return ports.flatMap((port) => {
      const own = this.#ports.get(port);
      if (own === undefined) return [];
      const { channels, mbps } = this.#left(port, own, span);
      return [{ port, freeChannels: channels, ...(mbps === undefined ? {} : { freeMbps: mbps }) }];
    });
  }

  /** Throws Refused (409) unless the channel is free and the port carries that much more, all the time. */
  check({ port, channel }: Terminal, bandwidthMbps: number, span: Span): void {
    const own = this.#ports.get(port);
    if (own === undefined) throw new Refused(403, "path.unknown", `there is no port ${port}`);
    const { channels, mbps } = this.#left(port, own, span);
    if (mbps !== undefined && mbps < bandwidthMbps) {
      throw new Refused(409, "capacity.short", `port ${port} has ${mbps} Mbps left at that time, not ${bandwidthMbps}`);
    }
    if (!channels.includes(channel)) {
      throw new Refused(409, "channel.taken", `channel ${channel} of port ${port} is not free at that time`);
    }
  }

  /** Throws Refused (409) unless the port carries that much more beside what is on it, all the time. */
  checkMore(port: string, bandwidthMbps: number, span: Span): void {
    const own = this.#ports.get(port);
    const mbps = own && this.#left(port, own, span).mbps;
    if (mbps === undefined || bandwidthMbps <= mbps) return;
    const why = `port ${port} has ${mbps} Mbps left at that time, not another ${bandwidthMbps}`;
    throw new Refused(409, "capacity.short", why);
  }

  /** The past is not asked for, even if a window begins in it. */
  #left(port: string, { capacityMbps, channels }: OwnPort, { fromMs, untilMs }: Span) {
    const nowMs = Date.now();
    const span = { fromMs: Math.max(fromMs, nowMs), untilMs };
    const bookings = this.#store.bookings(port, nowMs);
    return {
      mbps: capacityMbps === undefined ? undefined : capacityMbps - peakMbps(bookings, span),
      channels: freeChannels(bookings, channels, span),
    };
  }
}
