import type { Credential } from "../../aaa/credential.ts";
import type { Connection, SeriesRequest } from "../../lightpath/drac/wire.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Coordinator } from "./coordinator.ts";
import { occurrences } from "./occurrences.ts";

/** Reservations that come again: each is a connection of its own, committed, lit and ended by itself. */
export class Series {
  readonly #coordinator: Coordinator;

  constructor(coordinator: Coordinator) {
    this.#coordinator = coordinator;
  }

  /** Every occurrence held at every domain on the way, or none. Rejects with Refused that tells which one cannot be had. */
  async reserve(owner: Known, request: SeriesRequest, right: Credential): Promise<readonly Connection[]> {
    const { reservation, recurrence } = request;
    const held: Connection[] = [];
    for (const window of occurrences(reservation.window, recurrence)) {
      try {
        held.push(await this.#coordinator.reserve(owner, { ...reservation, window }, right));
      } catch (thrown) {
        // What a domain does not give back now it owes, or its hold runs out.
        await Promise.allSettled(held.map(({ connectionId }) => this.#coordinator.terminate(owner, connectionId)));
        throw thrown instanceof Refused ? refusedAt(window.start, thrown) : thrown;
      }
    }
    return held;
  }
}

function refusedAt(start: string, { status, error, message, domain, policy, nextFreeSlot }: Refused): Refused {
  return new Refused(status, error, `of the occurrence at ${start}: ${message}`, domain, policy, nextFreeSlot);
}
