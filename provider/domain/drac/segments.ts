import { CLOCK_TOLERANCE_MS } from "../clock-tolerance.ts";
import type { Joint } from "../element/element.ts";
import { Refused } from "../refused.ts";
import { Serial } from "../serial.ts";
import type { SegmentRequest } from "../wire.ts";
import { grantOf, requireRate, requireWay } from "./admission.ts";
import type { Part } from "./part.ts";
import { type StoredSegment, windowOf } from "./segment-store.ts";
import { SegmentVersions, type VersionParts } from "./segment-versions.ts";

/** This domain's part of every connection that leads through it: its calendar, and its switch. */
export class Segments {
  readonly #parts: VersionParts;
  readonly #versions: SegmentVersions;
  /** The switch does one thing at a time. */
  readonly #switch = new Serial();

  constructor(parts: VersionParts) {
    this.#parts = parts;
    this.#versions = new SegmentVersions(parts, (segment) => this.#joint(segment));
  }

  /** What one coordinator may do: it sees its own connections only. */
  partFor(coordinator: string): Part {
    return {
      occupancy: async (request) => this.#parts.room.occupancy(request),
      hold: async (request, token) => await this.#hold(coordinator, request, token),
      commit: async (id, token) => await this.#inTurn(() => this.#commit(coordinator, id, token)),
      provision: async (id, token) => await this.#inTurn(() => this.#provision(coordinator, id, token)),
      join: async (id, vm, token) => await this.#inTurn(() => this.#join(coordinator, id, vm, token)),
      leave: async (id, vm) => this.#parts.rides.end(coordinator, id, vm),
      holdModification: async (id, wanted, token) =>
        await this.#versions.hold(this.#known(coordinator, id), wanted, token),
      commitModification: async (id, request) =>
        await this.#inTurn(() => this.#versions.commit(this.#known(coordinator, id), request)),
      abortModification: async (id, request) =>
        await this.#ofKnown(coordinator, id, (segment) => this.#versions.abort(segment, request)),
      confirmModification: async (id, request) =>
        await this.#ofKnown(coordinator, id, (segment) => this.#versions.confirm(segment, request)),
      release: async (id) => await this.#inTurn(() => this.#release(coordinator, id)),
      terminate: async (id) => await this.#inTurn(() => this.#terminate(coordinator, id)),
    };
  }

  /** After a restart: the switch does what the store says. */
  async restore(): Promise<void> {
    const lit = this.#parts.store.inState("provisioned").filter(({ endMs }) => endMs > Date.now());
    await this.#inTurn(() => this.#parts.element.restore(lit.map((segment) => this.#joint(segment))));
    await this.expire();
  }

  /** Drops holds that ran out and takes down what has ended. */
  async expire(): Promise<void> {
    const { store } = this.#parts;
    for (const segment of store.inState("held")) {
      if (segment.holdExpiresMs <= Date.now()) store.setState(segment, "timed-out");
    }
    const live = [...store.inState("reserved"), ...store.inState("provisioned")];
    // A new end in force, that is not agreed by all yet, may be taken back.
    const backTo = ({ other }: StoredSegment) => (other?.phase === "committed" ? other.endMs : 0);
    const over = live.filter((segment) => Math.max(segment.endMs, backTo(segment)) <= Date.now());
    const ended = over.map(({ coordinator, id }) => this.#inTurn(() => this.#terminate(coordinator, id)));
    // All are tried before a failure is told: what the switch does not part must not keep others lit.
    const failure = (await Promise.allSettled(ended)).find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    return await this.#switch.run("", task);
  }

  /** One that is not known is fine. */
  async #ofKnown(coordinator: string, id: string, act: (segment: StoredSegment) => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      const segment = this.#parts.store.find(coordinator, id);
      if (segment) await act(segment);
    });
  }

  async #hold(coordinator: string, request: SegmentRequest, token: string) {
    const { reservation, segment, connectionId } = request;
    const { domain, authority, holdSeconds, store, room, tokenUses } = this.#parts;
    const admitted = await authority.admitReservation(token, reservation);
    // Bound to it when it is committed: a coordinator may have to try again elsewhere.
    tokenUses.requireUnused(admitted, { coordinator, id: connectionId });
    if (segment.domain !== domain)
      throw new Refused(403, "consent.insufficient", `${domain} did not agree to the way through ${segment.domain}`);
    requireWay(domain, coordinator, { from: reservation.from, ends: [segment.in, segment.out] }, admitted);
    const startMs = Date.parse(reservation.window.start);
    const endMs = Date.parse(reservation.window.end);
    if (endMs <= Date.now()) throw new Refused(403, "policy.window", `the window ended at ${reservation.window.end}`);
    if (store.find(coordinator, connectionId))
      throw new Refused(409, "connection.exists", `${connectionId} is held already`);
    const bookings = store.bookingsUnder(grantOf(admitted), Date.now());
    requireRate(domain, admitted, bookings, reservation.bandwidthMbps, { fromMs: startMs, untilMs: endMs });
    for (const { port, channel } of [segment.in, segment.out]) {
      room.check({ port, channel }, reservation.bandwidthMbps, { fromMs: startMs, untilMs: endMs });
    }
    const { from, to, vm, bandwidthMbps, mtu } = reservation;
    const holdExpiresMs = Date.now() + holdSeconds * 1_000;
    store.insert({
      ...{
        coordinator,
        id: connectionId,
        state: "held",
        from,
        to,
        vm,
        grant: grantOf(admitted),
        bandwidthMbps,
        mtu,
        startMs,
        endMs,
        holdExpiresMs,
      },
      ends: [segment.in, segment.out],
    });
    return { holdExpiresAt: new Date(holdExpiresMs).toISOString() };
  }

  async #commit(coordinator: string, id: string, token: string): Promise<void> {
    const segment = this.#known(coordinator, id);
    const { authority, store, accounts, tokenUses } = this.#parts;
    const window = windowOf(segment);
    const admitted = await authority.admitReservation(token, { ...segment, window });
    tokenUses.requireUnused(admitted, segment);
    if (segment.state === "reserved" || segment.state === "provisioned") return;
    if (segment.state !== "held" || segment.holdExpiresMs <= Date.now()) throw over(segment);
    tokenUses.bind(admitted, segment);
    store.setState(segment, "reserved");
    const { from, to, vm, bandwidthMbps } = segment;
    const { subject, details } = admitted;
    const scope = { subject, vm, between: [from, to] as [string, string], bandwidthMbps, window };
    accounts.note({ event: "reserved", grant: details.grant, coordinator, connection: id, ...scope });
  }

  async #provision(coordinator: string, id: string, token: string): Promise<void> {
    const { authority, store, element, domain, tokenUses } = this.#parts;
    const segment = this.#known(coordinator, id);
    const admitted = await authority.admitUse(token, segment);
    tokenUses.requireUnused(admitted, segment);
    if ((segment.state !== "reserved" && segment.state !== "provisioned") || segment.endMs <= Date.now())
      throw over(segment);
    if (segment.startMs > Date.now() + CLOCK_TOLERANCE_MS) {
      throw new Refused(409, "connection.early", `${id} begins at ${new Date(segment.startMs).toISOString()}`);
    }
    tokenUses.bind(admitted, segment);
    await this.#vacate(segment);
    // Noted first: whatever is lit is known to be, also after a crash in between.
    store.setState(segment, "provisioned");
    try {
      await element.join(this.#joint(segment));
    } catch (thrown) {
      // Where even that fails it stays on record as lit, so that its release is tried again.
      await element.part(this.#joint(segment)).then(
        () => store.setState(segment, "reserved"),
        () => undefined,
      );
      throw new Refused(
        502,
        "element.failed",
        `the switch of ${domain} did not light ${id}: ${String(thrown)}`,
        domain,
      );
    }
  }

  /** Takes down what has ended on the same terminals but is not yet noticed; what has not ended keeps them. */
  async #vacate(segment: StoredSegment): Promise<void> {
    const { store } = this.#parts;
    const sharing = store.inState("provisioned").filter((other) => sharesTerminal(other, segment));
    for (const other of sharing) {
      if (other.coordinator === segment.coordinator && other.id === segment.id) continue;
      if (other.endMs > Date.now())
        throw new Refused(409, "channel.taken", "its channel is still lit for another connection");
      await this.#terminate(other.coordinator, other.id);
    }
  }

  /** This domain itself has agreed that this VM goes this way, at the connection's rate, now. */
  async #join(coordinator: string, id: string, vm: string, token: string): Promise<void> {
    const { authority, store, rides, domain, accounts, tokenUses } = this.#parts;
    const segment = this.#known(coordinator, id);
    const admitted = await authority.admitUse(token, { ...segment, vm });
    const live = segment.state === "reserved" || segment.state === "provisioned";
    if (!live || segment.endMs <= Date.now()) throw over(segment);
    requireWay(domain, coordinator, segment, admitted);
    const ride = { coordinator, id, vm, home: admitted.home, token: admitted.token, grant: grantOf(admitted) };
    if (rides.isUnderWay(ride)) return;
    const untilMs = Math.min(segment.endMs, Date.parse(admitted.details.window.end));
    const bookings = store.bookingsUnder(ride.grant, Date.now());
    requireRate(domain, admitted, bookings, segment.bandwidthMbps, { fromMs: Date.now(), untilMs });
    tokenUses.bind(admitted, segment);
    rides.begin({ ...ride, untilMs });
    const { subject, details } = admitted;
    accounts.note({ event: "joined", grant: details.grant, coordinator, connection: id, subject, vm });
  }

  async #release(coordinator: string, id: string): Promise<void> {
    const segment = this.#parts.store.find(coordinator, id);
    if (segment?.state !== "provisioned") return;
    await this.#parts.element.part(this.#joint(segment));
    this.#parts.store.setState(segment, "reserved");
  }

  async #terminate(coordinator: string, id: string): Promise<void> {
    await this.#release(coordinator, id);
    const { store, versions, accounts } = this.#parts;
    const segment = store.find(coordinator, id);
    if (segment?.state !== "held" && segment?.state !== "reserved") return;
    store.setState(segment, "terminated");
    versions.drop(segment);
    if (segment.state === "reserved") accounts.note({ event: "ended", coordinator, connection: id });
  }

  /** The switches of several domains may stand in one namespace: the key names the domain too. */
  #joint({ coordinator, id, ends, bandwidthMbps, mtu }: StoredSegment): Joint {
    const key = `${this.#parts.domain} ${coordinator} ${id}`;
    return { key, coordinator, connection: id, ends, bandwidthMbps, mtu };
  }

  #known(coordinator: string, id: string): StoredSegment {
    const segment = this.#parts.store.find(coordinator, id);
    if (segment) return segment;
    throw new Refused(404, "connection.unknown", `${this.#parts.domain} holds nothing for ${id}`);
  }
}

function sharesTerminal(one: StoredSegment, other: StoredSegment): boolean {
  return one.ends.some((mine) =>
    other.ends.some(({ port, channel }) => port === mine.port && channel === mine.channel),
  );
}

function over({ id, state, endMs }: StoredSegment): Refused {
  const now = state === "held" ? "timed-out" : endMs <= Date.now() ? "terminated" : state;
  return new Refused(409, "connection.over", `${id} is ${now}`);
}
