import type { ConnectionState } from "../../../lightpath/drac/wire.ts";
import type { Terminal } from "../../element/element.ts";

/** A connection, by who coordinates it and its number there. */
export interface Named {
  readonly coordinator: string;
  readonly id: string;
}

/**
 * The other one of the two versions of a segment that is being modified. `held`: the new one, until its hold runs out;
 * `committed`: the old one, to which there is a way back until the coordinator confirms that the new one stands.
 */
export interface OtherVersion {
  readonly request: string;
  readonly grant: string;
  readonly bandwidthMbps: number;
  readonly endMs: number;
  readonly phase: "held" | "committed";
  /** Of a hold. */
  readonly expiresMs: number;
}

/** This domain's part of a connection that some domain (perhaps itself) coordinates. */
export interface StoredSegment extends Named {
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

/** A token, by which domain signed it and its number there, and the VM that it is for. */
export interface TokenName {
  readonly home: string;
  readonly token: string;
  readonly vm: string;
}

/** What a token serves for, from its first use on. */
export interface TokenUse extends TokenName {
  readonly epoch: number | undefined;
  readonly expiresMs: number;
}

/** A VM that uses this domain's part of a connection that was reserved for another, by a token of its own. */
export interface Ride extends TokenName {
  readonly grant: string;
  readonly untilMs: number;
}

export function isSame(one: Named, other: Named): boolean {
  return one.coordinator === other.coordinator && one.id === other.id;
}

/** Committed, and its window is not over. */
export function isInForce({ state, endMs }: StoredSegment): boolean {
  return (state === "reserved" || state === "provisioned") && endMs > Date.now();
}

/** A hold that ran out counts no more. */
export function isLive({ phase, expiresMs }: OtherVersion, nowMs: number): boolean {
  return phase === "committed" || expiresMs > nowMs;
}

/** From when to when it is reserved, as it is told elsewhere. */
export function windowOf({ startMs, endMs }: Pick<StoredSegment, "startMs" | "endMs">) {
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}
