import type { Authority } from "../aaa/authority.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { Element, Joint } from "../element/element.ts";
import { Refused } from "../refused.ts";
import type { SegmentModification } from "../wire.ts";
import { grantOf, requireRate, requireWay } from "./admission.ts";
import type { RideStore } from "./ride-store.ts";
import type { Room } from "./room.ts";
import { type SegmentStore, type StoredSegment, windowOf } from "./segment-store.ts";
import type { TokenUses } from "./token-uses.ts";
import { isLive, type VersionStore } from "./version-store.ts";
import { beyond, type Version } from "./versions.ts";

export interface VersionParts {
  readonly domain: string;
  readonly holdSeconds: number;
  readonly room: Room;
  readonly store: SegmentStore;
  readonly versions: VersionStore;
  readonly rides: RideStore;
  readonly tokenUses: TokenUses;
  readonly authority: Authority;
  readonly element: Element;
  readonly accounts: Accounts;
}

/** This domain's part of a connection's modification: held in the calendar, put in force, and taken back or kept. */
export class SegmentVersions {
  readonly #parts: VersionParts;
  readonly #jointOf: (segment: StoredSegment) => Joint;

  constructor(parts: VersionParts, jointOf: (segment: StoredSegment) => Joint) {
    this.#parts = parts;
    this.#jointOf = jointOf;
  }

  async hold(segment: StoredSegment, wanted: SegmentModification, token: string): Promise<void> {
    const { domain, authority, holdSeconds, versions } = this.#parts;
    const { request, vm, bandwidthMbps, endMs } = wanted;
    const admitted = await authority.admitModification(token, { ...segment, vm, bandwidthMbps }, endMs);
    requireWay(domain, segment.coordinator, segment, admitted);
    // Nothing is awaited from here to the end: what is found is what is written upon.
    const now = this.#parts.store.find(segment.coordinator, segment.id);
    if (now === undefined || !canBeModified(now)) throw over(segment.id, now?.state ?? "gone");
    const { other } = now;
    if (other?.request === request && isLive(other, Date.now())) return;
    if (other !== undefined && isLive(other, Date.now()))
      throw new Refused(409, "connection.changing", `another modification of ${segment.id} is under way`);
    if (endMs <= Date.now()) throw new Refused(403, "policy.window", "the new end is in the past");
    this.#requireSay(now, wanted);
    this.#requireRoom(now, wanted);
    const bookings = this.#parts.store.bookingsUnder(grantOf(admitted), Date.now(), now);
    requireRate(domain, admitted, bookings, bandwidthMbps, { fromMs: Date.now(), untilMs: endMs });
    this.#parts.tokenUses.bind(admitted, now);
    const expiresMs = Date.now() + holdSeconds * 1_000;
    versions.hold(now, { request, grant: grantOf(admitted), bandwidthMbps, endMs, phase: "held", expiresMs });
  }

  /** In the switch's turn. */
  async commit(segment: StoredSegment, request: string): Promise<void> {
    const { versions, element, store, domain } = this.#parts;
    const { other, coordinator, id } = segment;
    if (other?.request !== request || !isLive(other, Date.now()) || !canBeModified(segment)) {
      throw new Refused(409, "modification.over", `${domain} holds no such modification of ${id} any more`);
    }
    if (other.phase === "held") versions.swap(segment, other, "committed");
    const now = store.find(coordinator, id);
    if (now?.state !== "provisioned") return;
    try {
      await element.adjust(this.#jointOf(now));
    } catch (thrown) {
      // It stays on record as in force, so that the coordinator has it taken back, as often as it takes.
      const reason = `the switch of ${domain} did not change the rate of ${id}: ${String(thrown)}`;
      throw new Refused(502, "element.failed", reason, domain);
    }
  }

  /** In the switch's turn. */
  async abort(segment: StoredSegment, request: string): Promise<void> {
    const { versions, element } = this.#parts;
    const { other } = segment;
    if (other?.request !== request) return;
    if (other.phase === "committed") {
      const { bandwidthMbps } = other;
      // First the switch, then the record: if the switch fails, this is asked again.
      if (segment.state === "provisioned") await element.adjust({ ...this.#jointOf(segment), bandwidthMbps });
      versions.swap(segment, other, "held");
    }
    versions.drop(segment);
  }

  /** In the switch's turn. */
  async confirm(segment: StoredSegment, request: string): Promise<void> {
    if (segment.other?.request !== request) return;
    const { versions, accounts } = this.#parts;
    versions.drop(segment);
    const { coordinator, id, bandwidthMbps } = segment;
    accounts.note({ event: "changed", coordinator, connection: id, bandwidthMbps, window: windowOf(segment) });
  }

  /** A connection is its users' own, and what others use is not lessened. */
  #requireSay(segment: StoredSegment, { vm, bandwidthMbps, endMs }: SegmentModification): void {
    const { coordinator, id } = segment;
    const riders = this.#parts.rides.aboard(coordinator, id);
    if (vm !== segment.vm && !riders.includes(vm))
      throw new Refused(403, "connection.foreign", `${vm} does not use ${id}`);
    const others = riders.filter((other) => other !== vm);
    const lessens = bandwidthMbps < segment.bandwidthMbps || endMs < segment.endMs;
    if (!lessens || others.length === 0) return;
    throw new Refused(409, "connection.shared", `${id} is used by ${others.join(", ")} too`);
  }

  #requireRoom(segment: StoredSegment, { bandwidthMbps, endMs }: SegmentModification): void {
    const fromMs = Date.now();
    const present: Version = { fromMs, untilMs: segment.endMs, mbps: segment.bandwidthMbps };
    const { more, longer } = beyond(present, { fromMs, untilMs: endMs, mbps: bandwidthMbps });
    for (const { port, channel } of segment.ends) {
      if (more) this.#parts.room.checkMore(port, more.mbps, more);
      if (longer) this.#parts.room.check({ port, channel }, longer.mbps, longer);
    }
  }
}

function canBeModified({ state, endMs }: StoredSegment): boolean {
  return (state === "reserved" || state === "provisioned") && endMs > Date.now();
}

function over(id: string, state: string): Refused {
  return new Refused(409, "connection.over", `${id} is ${state}`);
}
