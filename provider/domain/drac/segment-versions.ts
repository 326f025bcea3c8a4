import type { Authority } from "../aaa/authority.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { Element } from "../element/element.ts";
import type { OwnLinks } from "../element/own-links.ts";
import { Refused } from "../refused.ts";
import type { SegmentModification } from "../wire.ts";
import { grantOf, requireRate, requireWay } from "./admission.ts";
import type { Lighting } from "./lighting.ts";
import type { Room } from "./room.ts";
import { isInForce, isLive, type StoredSegment, windowOf } from "./stored/segment.ts";
import type { SegmentStore } from "./stored/segments.ts";
import type { Sight } from "./stored/sight.ts";
import { tokenOf, use } from "./token-uses.ts";
import { beyond, type Version } from "./versions.ts";

export interface VersionParts {
  readonly domain: string;
  readonly holdSeconds: number;
  readonly room: Room;
  readonly store: SegmentStore;
  readonly authority: Authority;
  readonly element: Element;
  readonly links: OwnLinks;
  readonly accounts: Accounts;
}

/** This domain's part of a connection's modification: held in the calendar, put in force, and taken back or kept. */
export class SegmentVersions {
  readonly #parts: VersionParts;
  readonly #lighting: Pick<Lighting, "adjust">;

  constructor(parts: VersionParts, lighting: Pick<Lighting, "adjust">) {
    this.#parts = parts;
    this.#lighting = lighting;
  }

  async hold(segment: StoredSegment, wanted: SegmentModification, token: string): Promise<void> {
    const { domain, authority, holdSeconds, store } = this.#parts;
    const { request, vm, bandwidthMbps, endMs } = wanted;
    const admitted = await authority.admitModification(token, { ...segment, vm, bandwidthMbps }, endMs);
    requireWay(domain, segment.coordinator, segment, admitted);
    const grant = grantOf(admitted);
    const ports = segment.ends.map(({ port }) => port);
    const question = { of: segment, ports, grant: { name: grant, butOwn: true as const }, token: tokenOf(admitted) };
    await store.change(question, (sight) => {
      const now = sight.segment;
      if (now === undefined || !isInForce(now)) throw over(segment.id, now?.state ?? "gone");
      const { other } = now;
      if (other?.request === request && isLive(other, Date.now())) return { changes: [], answer: undefined };
      if (other !== undefined && isLive(other, Date.now()))
        throw new Refused(409, "connection.changing", `another modification of ${segment.id} is under way`);
      if (endMs <= Date.now()) throw new Refused(403, "policy.window", "the new end is in the past");
      requireSay(sight.aboard, now, wanted);
      this.#requireRoom(sight, now, wanted);
      requireRate(domain, admitted, sight.underGrant, bandwidthMbps, { fromMs: Date.now(), untilMs: endMs });
      const expiresMs = Date.now() + holdSeconds * 1_000;
      const held = { request, grant, bandwidthMbps, endMs, phase: "held" as const, expiresMs };
      return { changes: [use(sight, admitted, segment), { kind: "hold version", other: held }], answer: undefined };
    });
  }

  /** In the switch's turn. */
  async commit(of: StoredSegment, request: string): Promise<void> {
    const { store, domain } = this.#parts;
    await store.change({ of }, ({ segment }) => {
      const other = segment?.other;
      const isHeld = other?.request === request && isLive(other, Date.now());
      if (segment === undefined || !isHeld || !isInForce(segment)) {
        throw new Refused(409, "modification.over", `${domain} holds no such modification of ${of.id} any more`);
      }
      const isNew = other.phase === "held";
      return { changes: isNew ? [{ kind: "swap versions", phase: "committed" }] : [], answer: undefined };
    });
    const now = await store.find(of);
    if (now?.state !== "provisioned") return;
    try {
      await this.#lighting.adjust(now);
    } catch (thrown) {
      // It stays on record as in force, so that the coordinator has it taken back, as often as it takes.
      const reason = `the switch of ${domain} did not change the rate of ${now.id}: ${String(thrown)}`;
      throw new Refused(502, "element.failed", reason, domain);
    }
  }

  /** In the switch's turn. */
  async abort(found: StoredSegment, request: string): Promise<void> {
    const { other } = found;
    if (other?.request !== request) return;
    const { bandwidthMbps } = other;
    // First the switch, then the record: if the switch fails, this is asked again.
    if (other.phase === "committed" && found.state === "provisioned")
      await this.#lighting.adjust({ ...found, bandwidthMbps });
    await this.#parts.store.change({ of: found }, ({ segment }) => {
      const now = segment?.other;
      if (now?.request !== request) return { changes: [], answer: undefined };
      const back = now.phase === "committed" ? [{ kind: "swap versions" as const, phase: "held" as const }] : [];
      return { changes: [...back, { kind: "drop version" }], answer: undefined };
    });
  }

  /** In the switch's turn. */
  async confirm(of: StoredSegment, request: string): Promise<void> {
    const { store, accounts } = this.#parts;
    const confirmed = await store.change({ of }, ({ segment }) => {
      const isAsked = segment?.other?.request === request;
      return { changes: isAsked ? [{ kind: "drop version" }] : [], answer: isAsked ? segment : undefined };
    });
    if (confirmed === undefined) return;
    const { coordinator, id, bandwidthMbps } = confirmed;
    accounts.note({ event: "changed", coordinator, connection: id, bandwidthMbps, window: windowOf(confirmed) });
  }

  #requireRoom(sight: Sight, segment: StoredSegment, { bandwidthMbps, endMs }: SegmentModification): void {
    const fromMs = Date.now();
    const present: Version = { fromMs, untilMs: segment.endMs, mbps: segment.bandwidthMbps };
    const { more, longer } = beyond(present, { fromMs, untilMs: endMs, mbps: bandwidthMbps });
    for (const { port, channel } of segment.ends) {
      if (more) this.#parts.room.checkMore(sight, port, more.mbps, more);
      if (longer) this.#parts.room.check(sight, { port, channel }, longer.mbps, longer);
    }
  }
}

/** A connection is its users' own, and what others use is not lessened. `aboard`: who joined it. */
function requireSay(
  aboard: readonly string[],
  segment: StoredSegment,
  { vm, bandwidthMbps, endMs }: SegmentModification,
): void {
  const { id } = segment;
  if (vm !== segment.vm && !aboard.includes(vm))
    throw new Refused(403, "connection.foreign", `${vm} does not use ${id}`);
  const others = aboard.filter((other) => other !== vm);
  const lessens = bandwidthMbps < segment.bandwidthMbps || endMs < segment.endMs;
  if (!lessens || others.length === 0) return;
  throw new Refused(409, "connection.shared", `${id} is used by ${others.join(", ")} too`);
}

function over(id: string, state: string): Refused {
  return new Refused(409, "connection.over", `${id} is ${state}`);
}
