import type { ConnectionState } from "../../../lightpath/drac/wire.ts";
import type { Booking } from "../calendar.ts";
import type { Named, OtherVersion, Ride, StoredSegment, TokenName, TokenUse } from "./segment.ts";
import type { Sight } from "./sight.ts";

/** What a decision about a segment is made upon, beside the segment itself and who rides on it. */
export interface Question {
  readonly of: Named;
  /** Ports of which it must be known what is taken. */
  readonly ports?: readonly string[];
  /** Grant of which it must be known what is used already. `butOwn`: what the segment itself takes is left out. */
  readonly grant?: { readonly name: string; readonly butOwn?: true };
  /** Token of which it must be known what it served for. */
  readonly token?: TokenName;
}

/** What is written about the segment that was asked about. */
export type Change =
  | { readonly kind: "insert"; readonly segment: StoredSegment }
  | { readonly kind: "state"; readonly state: ConnectionState }
  /** Another version is held beside what is in force. */
  | { readonly kind: "hold version"; readonly other: OtherVersion }
  /** What was seen to be in force and the other version that was seen change places; the other is in this phase from now on. */
  | { readonly kind: "swap versions"; readonly phase: OtherVersion["phase"] }
  | { readonly kind: "drop version" }
  /** The token serves for this segment alone. */
  | { readonly kind: "use token"; readonly use: TokenUse }
  | { readonly kind: "board"; readonly ride: Ride }
  /** A VM that does not ride is fine. */
  | { readonly kind: "alight"; readonly vm: string };

/** What is to be written, all of it or nothing, and what the asker is told. */
export interface Decision<T> {
  readonly changes: readonly Change[];
  readonly answer: T;
}

/**
 * Port: where a domain keeps its part of connections, what tokens served for, and who rides. What is written is on disk when a
 * promise resolves. Whatever is written upon what is there is decided within `change`, so that a database which several agents
 * share can keep two decisions from being made upon the same state. All reckon by the agent's clock, not the database's.
 */
export interface SegmentStore {
  find(of: Named): Promise<StoredSegment | undefined>;
  inState(state: ConnectionState): Promise<readonly StoredSegment[]>;
  /** What is taken of a port from now on: of holds, those that have not run out. To be told, not to decide upon. */
  bookings(port: string, nowMs: number): Promise<readonly Booking[]>;
  /**
   * One atomic unit. `decide` sees what is there, and nothing of it changes before what it decides is written, in its order. It
   * is synchronous and changes nothing itself: an implementation may run it again upon a newer state, and must if what it saw
   * was no state of the database. What it throws of what was one is what this rejects with, and then nothing is written.
   */
  change<T>(question: Question, decide: (sight: Sight) => Decision<T>): Promise<T>;
}

/** Gives a segment a state, if it still has one of these; tells whether it had. */
export async function turn(
  store: Pick<SegmentStore, "change">,
  of: Named,
  before: readonly ConnectionState[],
  state: ConnectionState,
): Promise<boolean> {
  return await store.change({ of }, ({ segment }) => {
    const turns = segment !== undefined && before.includes(segment.state);
    return { changes: turns ? [{ kind: "state", state }] : [], answer: turns };
  });
}
