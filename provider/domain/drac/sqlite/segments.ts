import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { ConnectionState } from "../../../lightpath/drac/wire.ts";
import { atOnce } from "../../at-once.ts";
import type { Booking } from "../calendar.ts";
import { isSame, type Named, type StoredSegment } from "../stored/segment.ts";
import type { Decision, Question, SegmentStore } from "../stored/segments.ts";
import { type Found, Sight } from "../stored/sight.ts";
import { segmentOf, taken } from "./segment-rows.ts";
import { SegmentWriter } from "./segment-writer.ts";
import { ridersOf, tokenRecord } from "./token-records.ts";

const ALL = "SELECT * FROM segments LEFT JOIN segment_versions USING (coordinator, id)";
/** Few: those that would last longer again, if they were gone back on. */
const GOING_BACK =
  'SELECT * FROM segment_versions JOIN segments USING (coordinator, id) WHERE version_end > ? AND "end" <= ?';

/** Holds that ran out count no more, though nobody may have noted it yet. */
const LIVE = `(state IN ('reserved', 'provisioned') OR (state = 'held' AND hold_expires > ?))`;

const joined = z.object({ coordinator: z.string(), id: z.string(), until: z.number() });

/** In the domain's SQLite file. Each unit is one turn of this process, and one transaction. */
export class SqliteSegments implements SegmentStore {
  readonly #database: DatabaseSync;
  readonly #writer: SegmentWriter;

  constructor(database: DatabaseSync) {
    this.#database = database;
    this.#writer = new SegmentWriter(database);
  }

  async find(of: Named): Promise<StoredSegment | undefined> {
    return this.#find(of);
  }

  async inState(state: ConnectionState): Promise<readonly StoredSegment[]> {
    return this.#database.prepare(`${ALL} WHERE state = ?`).all(state).map(segmentOf);
  }

  async bookings(port: string, nowMs: number): Promise<readonly Booking[]> {
    return atOnce(this.#database, () => this.#bookings(port, nowMs));
  }

  async change<T>(question: Question, decide: (sight: Sight) => Decision<T>): Promise<T> {
    return atOnce(this.#database, () => {
      const found = this.#look(question);
      const { changes, answer } = decide(new Sight(found));
      for (const change of changes) this.#writer.write(question.of, found.segment, change);
      return answer;
    });
  }

  #look({ of, ports = [], grant, token }: Question): Found {
    const nowMs = Date.now();
    return {
      segment: this.#find(of),
      aboard: ridersOf(this.#database, of, nowMs),
      bookings: new Map(ports.map((port) => [port, this.#bookings(port, nowMs)])),
      underGrant: grant && this.#bookingsUnder(grant.name, nowMs, grant.butOwn ? of : undefined),
      token: token && tokenRecord(this.#database, of, token, nowMs),
    };
  }

  #find({ coordinator, id }: Named): StoredSegment | undefined {
    const found = this.#database.prepare(`${ALL} WHERE coordinator = ? AND id = ?`).get(coordinator, id);
    return found === undefined ? undefined : segmentOf(found);
  }

  #bookings(port: string, nowMs: number): readonly Booking[] {
    const select = `${ALL} WHERE (in_port = ? OR out_port = ?) AND "end" > ? AND ${LIVE}`;
    const found = this.#database.prepare(select).all(port, port, nowMs, nowMs).map(segmentOf);
    return [...found, ...this.#goingBack(nowMs)].flatMap((segment) =>
      segment.ends.filter((end) => end.port === port).flatMap(({ channel }) => taken(segment, channel, nowMs)),
    );
  }

  #bookingsUnder(grant: string, nowMs: number, but: Named | undefined): readonly Booking[] {
    const select = `${ALL} WHERE "end" > ? AND ${LIVE}`;
    const all = this.#database.prepare(select).all(nowMs, nowMs).map(segmentOf);
    const found = [...all, ...this.#goingBack(nowMs)].filter((segment) => but === undefined || !isSame(segment, but));
    const under = found.filter((segment) => segment.grant === grant || segment.other?.grant === grant);
    const ridden = this.#joinedUnder(grant, found).filter((segment) => !under.some(({ id }) => id === segment.id));
    return [...under, ...ridden].flatMap((segment) => taken(segment, segment.ends[0].channel, nowMs));
  }

  #goingBack(nowMs: number): readonly StoredSegment[] {
    return this.#database.prepare(`${GOING_BACK} AND ${LIVE}`).all(nowMs, nowMs, nowMs).map(segmentOf);
  }

  #joinedUnder(grant: string, live: readonly StoredSegment[]): readonly StoredSegment[] {
    const select = "SELECT coordinator, id, until FROM rides WHERE grant_id = ? AND ended = 0";
    const rides = z.array(joined).parse(this.#database.prepare(select).all(grant));
    return rides.flatMap((ride) =>
      live
        .filter((segment) => isSame(segment, ride))
        .map((segment) => ({ ...segment, endMs: Math.min(segment.endMs, ride.until) })),
    );
  }
}
