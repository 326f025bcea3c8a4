import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isDeepStrictEqual } from "node:util";
import pLimit from "p-limit";
import type { Credential } from "../../aaa/credential.ts";
import type { Connection, ReserveRequest } from "../../lightpath/drac/wire.ts";
import type { Authority } from "../aaa/authority.ts";
import type { Topology } from "../config.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Serial } from "../serial.ts";
import { requireSubject } from "./admission.ts";
import { asOfNow } from "./as-of-now.ts";
import type { Part } from "./part.ts";
import { findRoute, type Route } from "./route.ts";
import type { ConnectionStore } from "./stored/connections.ts";
import { firstFailure, type Unison } from "./unison.ts";

/** Two reservations may choose the same channel at once; the later one looks again, not both in step. */
const TRIES = 5;
const LONGEST_PAUSE_MS = 200;
/** More would mostly choose the same channels, and keep peers from answering in time. */
const AT_ONCE = 4;

export interface ReservationParts {
  /** How long this domain holds its own part. */
  readonly holdSeconds: number;
  readonly topology: Topology;
  readonly store: ConnectionStore;
  readonly authority: Authority;
  /** Each domain's part, this one's included. */
  readonly partOf: (domain: string) => Part;
  readonly unison: Unison;
  /** One thing at a time is done about a request, and about a connection. */
  readonly turns: Serial;
}

type Wish = Omit<ReserveRequest, "requestId">;

/** Has all the domains on a way hold their parts of a new connection. */
export class Reservations {
  readonly #parts: ReservationParts;
  readonly #atOnce = pLimit(AT_ONCE);

  constructor(parts: ReservationParts) {
    this.#parts = parts;
  }

  /** Held at every domain on the way, or at none. A request that got its connection gets the same again. Rejects with Refused. */
  async make(owner: Known, request: ReserveRequest, right: Credential): Promise<Connection> {
    const { requestId, ...wish } = request;
    if (requestId === undefined) return await this.#atOnce(() => this.#make(owner, wish, right, requestId));
    return await this.#parts.turns.run(`${owner.id} ${requestId}`, async () => {
      const before = await this.#parts.store.findByRequest(owner.id, requestId);
      if (before === undefined) return await this.#atOnce(() => this.#make(owner, wish, right, requestId));
      if (isDeepStrictEqual(before.wish, JSON.parse(JSON.stringify(wish)))) return asOfNow(before.found);
      throw new Refused(409, "request.used", `the request ${requestId} asked for something else before`);
    });
  }

  async #make(owner: Known, wish: Wish, right: Credential, requestId: string | undefined): Promise<Connection> {
    const { authority, topology, partOf } = this.#parts;
    const { subject, details } = await authority.admitReservation(right.token, wish);
    requireSubject(subject, owner);
    for (let tries = 1; ; tries++) {
      const route = await findRoute(topology, details.domains, wish, (domain, ask) => partOf(domain).occupancy(ask));
      const connectionId = randomUUID();
      // In its turn: whoever finds it meanwhile, its owner or the clock, waits until its hold is told.
      const outcome = await this.#parts.turns.run(connectionId, () =>
        this.#hold({ connectionId, ...wish }, owner, route, right, requestId),
      );
      if (!(outcome instanceof Refused)) return outcome;
      if (outcome.status !== 409 || tries === TRIES) throw outcome;
      await sleep(Math.random() * LONGEST_PAUSE_MS);
    }
  }

  async #hold(
    { connectionId, ...wish }: Wish & Pick<Connection, "connectionId">,
    owner: Known,
    { segments, rttMs }: Route,
    right: Credential,
    requestId: string | undefined,
  ): Promise<Connection | Refused> {
    const { store, unison, partOf, holdSeconds } = this.#parts;
    const connection: Connection = { connectionId, state: "held", ...wish, segments: [...segments], rttMs };
    // Until every domain has said how long it holds.
    const holdExpiresMs = Date.now() + holdSeconds * 1_000;
    await store.insert({ owner: owner.id, holdExpiresMs, connection });
    const held = await Promise.allSettled(
      segments.map(async (segment) => {
        const part = { connectionId, reservation: wish, segment };
        return Date.parse((await partOf(segment.domain).hold(part, right)).holdExpiresAt);
      }),
    );
    const failure = firstFailure(held);
    if (failure !== undefined) {
      // A silent domain's hold, if it has one, runs out by itself.
      const reached = segments.filter((_, index) => !isSilent(held[index])).map(({ domain }) => domain);
      await unison.attempt(connection, "terminate", reached, (part) => part.terminate(connectionId));
      if (failure instanceof Refused) return failure;
      throw failure;
    }
    const untilMs = Math.min(...held.flatMap((one) => (one.status === "fulfilled" ? one.value : [])));
    return asOfNow(await store.hold(connectionId, untilMs, requestId === undefined ? undefined : { requestId, wish }));
  }
}

function isSilent(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  return outcome?.status === "rejected" && outcome.reason instanceof Refused && outcome.reason.status >= 502;
}
