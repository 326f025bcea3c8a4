import type { Booking } from "../calendar.ts";
import type { Named, StoredSegment } from "./segment.ts";

/** What a token served for: the segment, undefined if none; and the ride that was begun by it, if one was. */
export interface TokenRecord {
  readonly serves: Named | undefined;
  readonly ride: (Named & { readonly vm: string; readonly ended: boolean }) | undefined;
  /** The latest epoch of the token's VM for which a token that lives yet was used on the segment asked about. */
  readonly latestEpoch: number | undefined;
}

/** All that an implementation of the store has found, as far as it was asked. */
export interface Found {
  readonly segment: StoredSegment | undefined;
  /** The VMs that joined it and use it still. */
  readonly aboard: readonly string[];
  readonly bookings: ReadonlyMap<string, readonly Booking[]>;
  readonly underGrant: readonly Booking[] | undefined;
  readonly token: TokenRecord | undefined;
}

/**
 * What a decision is made upon. What was not asked for is not taken for nothing: it throws TypeError, so that nobody is
 * admitted for want of a question.
 */
export class Sight {
  readonly segment: StoredSegment | undefined;
  readonly aboard: readonly string[];
  readonly #found: Found;

  constructor(found: Found) {
    this.segment = found.segment;
    this.aboard = found.aboard;
    this.#found = found;
  }

  /** What is taken of a port from now on. */
  bookings(port: string): readonly Booking[] {
    return asked(this.#found.bookings.get(port), `port ${port}`);
  }

  /** What is reserved under the grant from now on, or used by joining what another's reserved. */
  get underGrant(): readonly Booking[] {
    return asked(this.#found.underGrant, "a grant");
  }

  get token(): TokenRecord {
    return asked(this.#found.token, "a token");
  }
}

function asked<T>(found: T | undefined, what: string): T {
  if (found === undefined) throw new TypeError(`nothing was asked about ${what}`);
  return found;
}
