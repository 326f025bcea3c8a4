import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { type ConnectionState, connectionState } from "../../lightpath/drac/wire.ts";
import type { Terminal } from "../element/element.ts";
import type { Booking } from "./calendar.ts";
import { isLive, type OtherVersion, otherVersion } from "./version-store.ts";
import { envelope } from "./versions.ts";

/** This domain's part of a connection that some domain (perhaps itself) coordinates. */
export interface StoredSegment {
  readonly coordinator: string;
  readonly id: string;
  readonly state: ConnectionState;
  readonly from: string;
  readonly to: string;
  readonly vm: string;
  /** Under which it was reserved: its home domain and id. */
  readonly grant: string;
  readonly bandwidthMbps: number;
  readonly mtu: number;
  readonly startMs: number;
  readonly endMs: number;
  readonly holdExpiresMs: number;
  readonly ends: readonly [Terminal, Terminal];
  /** While it is being modified. */
  readonly other?: OtherVersion | undefined;
}

/** Whoever wrote it before grants were noted reserved under none. */
const scope = z.object({ from: z.string(), to: z.string(), vm: z.string(), grant: z.string().default("") });
const row = z.object({
  ...{ coordinator: z.string(), id: z.string(), state: connectionState, mbps: z.number(), mtu: z.number() },
  ...{ start: z.number(), end: z.number(), hold_expires: z.number(), scope: z.string() },
  ...{ in_port: z.string(), in_channel: z.number(), out_port: z.string(), out_channel: z.number() },
});

const ride = z.object({ coordinator: z.string(), id: z.string(), until: z.number() });

const ALL = "SELECT * FROM segments LEFT JOIN segment_versions USING (coordinator, id)";
/** Few: those that would last longer again, if they were gone back on. */
const GOING_BACK =
  'SELECT * FROM segment_versions JOIN segments USING (coordinator, id) WHERE version_end > ? AND "end" <= ?';

/** Holds that ran out count no more, though nobody may have noted it yet. */
const LIVE = `(state IN ('reserved', 'provisioned') OR (state = 'held' AND hold_expires > ?))`;

/** From when to when it is reserved, as it is told elsewhere. */
export function windowOf({ startMs, endMs }: Pick<StoredSegment, "startMs" | "endMs">) {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}

export class SegmentStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  insert(segment: StoredSegment): void {
    const { coordinator, id, state, from, to, vm, grant, ...rest } = segment;
    const { bandwidthMbps, mtu, startMs, endMs, holdExpiresMs, ends } = rest;
    const terminals = ends.flatMap(({ port, channel }) => [port, channel]);
    this.#database
      .prepare(`INSERT INTO segments VALUES (${Array(13).fill("?").join(", ")})`)
      .run(
        ...[coordinator, id, state, bandwidthMbps, mtu, startMs, endMs, holdExpiresMs],
        ...[JSON.stringify({ from, to, vm, grant }), ...terminals],
      );
  }

  find(coordinator: string, id: string): StoredSegment | undefined {
    const select = `${ALL} WHERE coordinator = ? AND id = ?`;
    const found = this.#database.prepare(select).get(coordinator, id);
    return found === undefined ? undefined : segmentOf(found);
  }

  setState({ coordinator, id }: StoredSegment, state: ConnectionState): void {
    this.#database
      .prepare("UPDATE segments SET state = ? WHERE coordinator = ? AND id = ?")
      .run(state, coordinator, id);
  }

  /** What is taken of a port from now on. */
  bookings(port: string, nowMs: number): readonly Booking[] {
    const select = `${ALL} WHERE (in_port = ? OR out_port = ?) AND "end" > ? AND ${LIVE}`;
    const found = this.#database.prepare(select).all(port, port, nowMs, nowMs).map(segmentOf);
    return [...found, ...this.#goingBack(nowMs)].flatMap((segment) =>
      segment.ends.filter((end) => end.port === port).flatMap(({ channel }) => taken(segment, channel, nowMs)),
    );
  }

  /** What is reserved under a grant from now on, or used by joining what another's reserved; `but` is left out. */
  bookingsUnder(grant: string, nowMs: number, but?: Pick<StoredSegment, "coordinator" | "id">): readonly Booking[] {
    const select = `${ALL} WHERE "end" > ? AND ${LIVE}`;
    const all = this.#database.prepare(select).all(nowMs, nowMs).map(segmentOf);
    const found = [...all, ...this.#goingBack(nowMs)].filter(
      ({ coordinator, id }) => coordinator !== but?.coordinator || id !== but.id,
    );
    const under = found.filter((segment) => segment.grant === grant || segment.other?.grant === grant);
    const joined = this.#joinedUnder(grant, found).filter((segment) => !under.some(({ id }) => id === segment.id));
    return [...under, ...joined].flatMap((segment) => taken(segment, segment.ends[0].channel, nowMs));
  }

  #goingBack(nowMs: number): readonly StoredSegment[] {
    return this.#database.prepare(`${GOING_BACK} AND ${LIVE}`).all(nowMs, nowMs, nowMs).map(segmentOf);
  }

  #joinedUnder(grant: string, live: readonly StoredSegment[]): readonly StoredSegment[] {
    const select = "SELECT coordinator, id, until FROM rides WHERE grant_id = ? AND ended = 0";
    const rides = z.array(ride).parse(this.#database.prepare(select).all(grant));
    return rides.flatMap(({ coordinator, id, until }) =>
      live
        .filter((segment) => segment.coordinator === coordinator && segment.id === id)
        .map((segment) => ({ ...segment, endMs: Math.min(segment.endMs, until) })),
    );
  }

  inState(state: ConnectionState): readonly StoredSegment[] {
    return this.#database.prepare(`${ALL} WHERE state = ?`).all(state).map(segmentOf);
  }
}

function taken(segment: StoredSegment, channel: number, nowMs: number): readonly Booking[] {
  const { startMs: fromMs, endMs: untilMs, bandwidthMbps: mbps, other } = segment;
  const present = { fromMs, untilMs, mbps };
  if (other === undefined || !isLive(other, nowMs)) return [{ ...present, channel }];
  const versions = envelope(present, { fromMs, untilMs: other.endMs, mbps: other.bandwidthMbps });
  return versions.map((part) => ({ ...part, channel }));
}

function segmentOf(found: Record<string, SQLOutputValue>): StoredSegment {
  const { coordinator, id, state, mbps, mtu, start, end, hold_expires, ...rest } = row.parse(found);
  return {
    ...{ coordinator, id, state, bandwidthMbps: mbps, mtu, startMs: start, endMs: end, holdExpiresMs: hold_expires },
    ...scope.parse(JSON.parse(rest.scope)),
    other: otherVersion(found),
    ends: [
      { port: rest.in_port, channel: rest.in_channel },
      { port: rest.out_port, channel: rest.out_channel },
    ],
  };
}
