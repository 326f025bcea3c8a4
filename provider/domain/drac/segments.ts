import { Refused } from "../refused.ts";
import { Serial } from "../serial.ts";
import type { SegmentRequest } from "../wire.ts";
import { grantOf, requireRate, requireWay } from "./admission.ts";
import { Lighting } from "./lighting.ts";
import type { Part } from "./part.ts";
import { SegmentVersions, type VersionParts } from "./segment-versions.ts";
import { isInForce, isSame, type Named, type StoredSegment, windowOf } from "./stored/segment.ts";
import { turn } from "./stored/segments.ts";
import type { Sight } from "./stored/sight.ts";
import { requireUnused, tokenOf, use } from "./token-uses.ts";

/** This domain's part of every connection that leads through it: its calendar, and its switch. */
export class Segments {
  readonly #parts: VersionParts;
  readonly #versions: SegmentVersions;
  readonly #lighting: Lighting;
  /** The switch does one thing at a time. */
  readonly #switch = new Serial();

  constructor(parts: VersionParts) {
    this.#parts = parts;
    this.#lighting = new Lighting(parts, (segment) => this.#terminate(segment));
    this.#versions = new SegmentVersions(parts, this.#lighting);
  }

  /** What one coordinator may do: it sees its own connections only. */
  partFor(coordinator: string): Part {
    const of = (id: string): Named => ({ coordinator, id });
    return {
      occupancy: async (request) => await this.#parts.room.occupancy(request),
      hold: async (request, { token }) => await this.#hold(of(request.connectionId), request, token),
      commit: async (id, { token }) => await this.#inTurn(() => this.#commit(of(id), token)),
      provision: async (id, { token }) => await this.#inTurn(() => this.#provision(of(id), token)),
      join: async (id, vm, { token }) => await this.#inTurn(() => this.#join(of(id), vm, token)),
      leave: async (id, vm) => await this.#leave(of(id), vm),
      holdModification: async (id, wanted, { token }) =>
        await this.#versions.hold(await this.#known(of(id)), wanted, token),
      commitModification: async (id, request) =>
        await this.#inTurn(async () => await this.#versions.commit(await this.#known(of(id)), request)),
      abortModification: async (id, request) =>
        await this.#ofKnown(of(id), (segment) => this.#versions.abort(segment, request)),
      confirmModification: async (id, request) =>
        await this.#ofKnown(of(id), (segment) => this.#versions.confirm(segment, request)),
      release: async (id) => await this.#inTurn(() => this.#release(of(id))),
      terminate: async (id) => await this.#inTurn(() => this.#terminate(of(id))),
    };
  }

  /** After a restart: the switch does what the store says. */
  async restore(): Promise<void> {
    await this.#inTurn(() => this.#lighting.restore());
    await this.keepTime();
  }

  /** What the clock says: drops holds that ran out, takes down what has ended, lights what begins. */
  async keepTime(): Promise<void> {
    const { store } = this.#parts;
    // By the time before it was read: whatever was over then is not given another end any more.
    const nowMs = Date.now();
    for (const segment of await store.inState("held")) {
      if (segment.holdExpiresMs <= nowMs) await turn(store, segment, ["held"], "timed-out");
    }
    const live = [...(await store.inState("reserved")), ...(await store.inState("provisioned"))];
    // A new end in force, that is not agreed by all yet, may be taken back.
    const backTo = ({ other }: StoredSegment) => (other?.phase === "committed" ? other.endMs : 0);
    const over = live.filter((segment) => Math.max(segment.endMs, backTo(segment)) <= nowMs);
    const ended = over.map((segment) => this.#inTurn(() => this.#terminate(segment)));
    // All are tried before a failure is told: what the switch does not part must not keep others lit.
    const begun = this.#inTurn(() => this.#lighting.tend());
    const failure = (await Promise.allSettled([...ended, begun])).find((one) => one.status === "rejected");
    if (failure !== undefined) throw failure.reason;
  }

  async #inTurn<T>(task: () => Promise<T>): Promise<T> {
    return await this.#switch.run("", task);
  }

  /** One that is not known is fine. */
  async #ofKnown(of: Named, act: (segment: StoredSegment) => Promise<void>): Promise<void> {
    await this.#inTurn(async () => {
      const segment = await this.#parts.store.find(of);
      if (segment) await act(segment);
    });
  }

  async #hold(of: Named, { reservation, segment }: SegmentRequest, token: string) {
    const { domain, authority, holdSeconds, store, room } = this.#parts;
    const { coordinator, id } = of;
    const admitted = await authority.admitReservation(token, reservation);
    if (segment.domain !== domain)
      throw new Refused(403, "consent.insufficient", `${domain} did not agree to the way through ${segment.domain}`);
    const { from, to, vm, bandwidthMbps, mtu, window } = reservation;
    const ends: StoredSegment["ends"] = [segment.in, segment.out];
    requireWay(domain, coordinator, { from, ends }, admitted);
    const [startMs, endMs] = [Date.parse(window.start), Date.parse(window.end)];
    if (endMs <= Date.now()) throw new Refused(403, "policy.window", `the window ended at ${window.end}`);
    const span = { fromMs: startMs, untilMs: endMs };
    const grant = grantOf(admitted);
    const question = { of, ports: ends.map(({ port }) => port), grant: { name: grant }, token: tokenOf(admitted) };
    return await store.change(question, (sight) => {
      // Bound to it when it is committed: a coordinator may have to try again elsewhere.
      requireUnused(sight, admitted, of);
      if (sight.segment) throw new Refused(409, "connection.exists", `${id} is held already`);
      requireRate(domain, admitted, sight.underGrant, bandwidthMbps, span);
      for (const end of ends) room.check(sight, end, bandwidthMbps, span);
      const holdExpiresMs = Date.now() + holdSeconds * 1_000;
      const wish = { from, to, vm, grant, bandwidthMbps, mtu, startMs, endMs };
      const held = { ...of, ...wish, state: "held" as const, holdExpiresMs, ends };
      const answer = { holdExpiresAt: new Date(holdExpiresMs).toISOString() };
      return { changes: [{ kind: "insert", segment: held }], answer };
    });
  }

  async #commit(of: Named, token: string): Promise<void> {
    const found = await this.#known(of);
    const { authority, store, accounts } = this.#parts;
    const window = windowOf(found);
    const admitted = await authority.admitReservation(token, { ...found, window });
    const isNew = await store.change({ of, token: tokenOf(admitted) }, (sight) => {
      requireUnused(sight, admitted, of);
      const segment = this.#in(sight, of);
      if (segment.state === "reserved" || segment.state === "provisioned") return { changes: [], answer: false };
      if (segment.state !== "held" || segment.holdExpiresMs <= Date.now()) throw over(segment);
      return { changes: [use(sight, admitted, of), { kind: "state", state: "reserved" }], answer: true };
    });
    if (!isNew) return;
    const { from, to, vm, bandwidthMbps } = found;
    const { subject, details } = admitted;
    const scope = { subject, vm, between: [from, to] as [string, string], bandwidthMbps, window };
    accounts.note({ event: "reserved", grant: details.grant, ...accountOf(of), ...scope });
  }

  async #provision(of: Named, token: string): Promise<void> {
    const { authority, store } = this.#parts;
    const found = await this.#known(of);
    const admitted = await authority.admitUse(token, found, found.startMs);
    const segment = await store.change({ of, token: tokenOf(admitted) }, (sight) => ({
      changes: [use(sight, admitted, of)],
      answer: this.#liveIn(sight, of),
    }));
    await this.#lighting.provision(segment);
  }

  /** This domain itself has agreed that this VM goes this way, at the connection's rate, now. */
  async #join(of: Named, vm: string, token: string): Promise<void> {
    const { authority, store, domain, accounts } = this.#parts;
    const admitted = await authority.admitUse(token, { ...(await this.#known(of)), vm });
    const grant = grantOf(admitted);
    const isNew = await store.change({ of, grant: { name: grant }, token: tokenOf(admitted) }, (sight) => {
      const segment = this.#liveIn(sight, of);
      requireWay(domain, of.coordinator, segment, admitted);
      if (isUnderWay(sight, of, vm)) return { changes: [], answer: false };
      const untilMs = Math.min(segment.endMs, Date.parse(admitted.details.window.end));
      requireRate(domain, admitted, sight.underGrant, segment.bandwidthMbps, { fromMs: Date.now(), untilMs });
      const ride = { ...tokenOf(admitted), vm, grant, untilMs };
      return { changes: [use(sight, admitted, of), { kind: "board", ride }], answer: true };
    });
    if (!isNew) return;
    const { subject, details, epoch } = admitted;
    accounts.note({ event: "joined", grant: details.grant, ...accountOf(of), subject, vm, epoch });
  }

  async #leave(of: Named, vm: string): Promise<void> {
    await this.#parts.store.change({ of }, () => ({ changes: [{ kind: "alight", vm }], answer: undefined }));
  }

  async #release(of: Named): Promise<void> {
    const segment = await this.#parts.store.find(of);
    if (segment?.state === "provisioned") await this.#lighting.release(segment);
  }

  async #terminate(of: Named): Promise<void> {
    await this.#release(of);
    const { store, accounts } = this.#parts;
    const was = await store.change({ of }, ({ segment }) => {
      const state = segment?.state;
      if (state !== "held" && state !== "reserved") return { changes: [], answer: undefined };
      return { changes: [{ kind: "state", state: "terminated" }, { kind: "drop version" }], answer: state };
    });
    if (was === "reserved") accounts.note({ event: "ended", ...accountOf(of) });
  }

  async #known(of: Named): Promise<StoredSegment> {
    return (await this.#parts.store.find(of)) ?? this.#unknown(of);
  }

  #in({ segment }: Sight, of: Named): StoredSegment {
    return segment ?? this.#unknown(of);
  }

  #liveIn(sight: Sight, of: Named): StoredSegment {
    const segment = this.#in(sight, of);
    if (!isInForce(segment)) throw over(segment);
    return segment;
  }

  #unknown({ id }: Named): never {
    throw new Refused(404, "connection.unknown", `${this.#parts.domain} holds nothing for ${id}`);
  }
}

/** Whether exactly this ride was begun before and lasts. Throws Refused (409) if its token served for another, or was used up. */
function isUnderWay({ token: { ride } }: Sight, of: Named, vm: string): boolean {
  if (ride === undefined) return false;
  if (isSame(ride, of) && ride.vm === vm && !ride.ended) return true;
  throw new Refused(409, "token.used", `the token was used before, to join ${ride.id}`);
}

function accountOf({ coordinator, id }: Named) {
  return { coordinator, connection: id };
}

function over({ id, state, endMs }: StoredSegment): Refused {
  const now = state === "held" ? "timed-out" : endMs <= Date.now() ? "terminated" : state;
  return new Refused(409, "connection.over", `${id} is ${now}`);
}
