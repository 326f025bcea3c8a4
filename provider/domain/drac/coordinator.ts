import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Connection, ModifyRequest, ReserveRequest } from "../../lightpath/drac/wire.ts";
import type { Authority } from "../aaa/authority.ts";
import type { Topology } from "../config.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Serial } from "../serial.ts";
import { asOfNow } from "./as-of-now.ts";
import type { ConnectionStore, StoredConnection } from "./connection-store.ts";
import type { Modifications } from "./modifications.ts";
import type { Part } from "./part.ts";
import type { Riders } from "./riders.ts";
import { findRoute, type Route } from "./route.ts";
import { firstFailure, type Unison } from "./unison.ts";

/** Two coordinators may choose the same channel at once; the later one looks again, not both in step. */
const TRIES = 3;
const LONGEST_PAUSE_MS = 200;

export interface CoordinatorParts {
  /** How long this domain holds its own part. */
  readonly holdSeconds: number;
  readonly topology: Topology;
  readonly store: ConnectionStore;
  readonly riders: Riders;
  readonly modifications: Modifications;
  readonly authority: Authority;
  /** Each domain's part, this one's included. */
  readonly partOf: (domain: string) => Part;
  readonly unison: Unison;
  /** One thing at a time is done about a connection. */
  readonly turns: Serial;
}

/** What clients may ask of the connections that this domain coordinates: at all the domains on their way, or at none. */
export class Coordinator {
  readonly #parts: CoordinatorParts;

  constructor(parts: CoordinatorParts) {
    this.#parts = parts;
  }

  /** Held at every domain on the way, or at none. Rejects with Refused. */
  async reserve(owner: Known, wish: ReserveRequest, token: string | undefined): Promise<Connection> {
    const { authority, topology, partOf } = this.#parts;
    const { subject, details } = await authority.admitReservation(token, wish);
    checkSubject(subject, owner);
    for (let tries = 1; ; tries++) {
      const route = await findRoute(topology, details.domains, wish, (domain, ask) => partOf(domain).occupancy(ask));
      const outcome = await this.#hold(owner, wish, route, token ?? "");
      if (!(outcome instanceof Refused)) return outcome;
      if (outcome.status !== 409 || tries === TRIES) throw outcome;
      await sleep(Math.random() * LONGEST_PAUSE_MS);
    }
  }

  async commit(owner: Known, id: string, token: string | undefined): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, holdExpiresMs } = this.#owned(owner, id);
      checkSubject((await this.#parts.authority.admitReservation(token, connection)).subject, owner);
      if (connection.state === "reserved" || connection.state === "provisioned") return connection;
      if (connection.state !== "held" || holdExpiresMs <= Date.now()) throw over(this.get(owner, id));
      return await this.#parts.unison.everywhere(connection, "commit", "terminate", (part) =>
        part.commit(id, token ?? ""),
      );
    });
  }

  async provision(owner: Known, id: string, token: string | undefined): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      checkSubject((await this.#parts.authority.admitUse(token, connection)).subject, owner);
      const ready = connection.state === "reserved" || connection.state === "provisioned";
      if (!ready || intent === "terminate") throw over(this.get(owner, id));
      return await this.#parts.unison.everywhere(connection, "provision", "release", (part) =>
        part.provision(id, token ?? ""),
      );
    });
  }

  /** One more VM uses it, by its own token. */
  async join(owner: Known, id: string, vm: string, token: string | undefined): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      const { subject, details } = await this.#parts.authority.admitUse(token, { ...connection, vm });
      checkSubject(subject, owner);
      const now = this.get(owner, id);
      if ((now.state !== "reserved" && now.state !== "provisioned") || intent === "terminate") throw over(now);
      await this.#parts.riders.join(connection, vm, token ?? "", Date.parse(details.window.end));
      return now;
    });
  }

  /** A VM uses it no more; with the last one it ends. */
  async leave(owner: Known, id: string, vm: string): Promise<void> {
    await this.#end(owner, id, async (connection) => !(await this.#parts.riders.leave(connection, vm)));
  }

  /** Another rate or end, while it goes on: at every domain on the way, or at none. */
  async modify(owner: Known, id: string, request: ModifyRequest, token: string | undefined): Promise<Connection> {
    const { authority, riders, modifications } = this.#parts;
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      const { vm, bandwidthMbps = connection.bandwidthMbps, end = connection.window.end } = request;
      const wanted = { ...connection, vm, bandwidthMbps };
      checkSubject((await authority.admitModification(token, wanted, Date.parse(end))).subject, owner);
      const now = this.get(owner, id);
      if ((now.state !== "reserved" && now.state !== "provisioned") || intent === "terminate") throw over(now);
      riders.requireAboard(connection, vm);
      const lessens = bandwidthMbps < connection.bandwidthMbps || Date.parse(end) < Date.parse(connection.window.end);
      if (lessens) riders.requireNoOther(wanted);
      return await modifications.make(connection, request, token ?? "");
    });
  }

  async release(owner: Known, id: string): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      const lit = connection.state === "provisioned" || intent === "provision" || intent === "release";
      if (!lit) return this.get(owner, id);
      this.#parts.riders.requireNoOther(connection);
      return await this.#parts.unison.everywhere(connection, "release", undefined, (part) => part.release(id));
    });
  }

  async terminate(owner: Known, id: string): Promise<void> {
    await this.#end(owner, id, async (connection) => {
      this.#parts.riders.requireNoOther(connection);
      return true;
    });
  }

  /** Once, and only if it may: one that is over already is fine. */
  async #end(owner: Known, id: string, may: (connection: Connection) => Promise<boolean>): Promise<void> {
    await this.#parts.turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      if (connection.state === "terminated" && intent === undefined) return;
      if (!(await may(connection))) return;
      await this.#parts.unison.everywhere(connection, "terminate", undefined, (part) => part.terminate(id));
    });
  }

  get(owner: Known, id: string): Connection {
    return asOfNow(this.#owned(owner, id));
  }

  list(owner: Known): readonly Connection[] {
    return this.#parts.store.ownedBy(owner.id).map(asOfNow);
  }

  async #hold(
    owner: Known,
    wish: ReserveRequest,
    { segments, rttMs }: Route,
    token: string,
  ): Promise<Connection | Refused> {
    const { store, riders, unison, partOf, holdSeconds } = this.#parts;
    const connectionId = randomUUID();
    const connection: Connection = { connectionId, state: "held", ...wish, segments: [...segments], rttMs };
    // Until every domain has said how long it holds.
    const holdExpiresMs = Date.now() + holdSeconds * 1_000;
    store.insert({ owner: owner.id, intent: undefined, holdExpiresMs, connection });
    riders.own(connection);
    const held = await Promise.allSettled(
      segments.map(async (segment) => {
        const { holdExpiresAt } = await partOf(segment.domain).hold(
          { connectionId, reservation: wish, segment },
          token,
        );
        return Date.parse(holdExpiresAt);
      }),
    );
    const failure = firstFailure(held);
    if (failure !== undefined) {
      // A silent domain's hold, if it has one, runs out by itself.
      const reached = segments.filter((_, index) => !isSilent(held[index]));
      await unison.attempt(
        connection,
        "terminate",
        reached.map(({ domain }) => domain),
        (part) => part.terminate(connectionId),
      );
      if (failure instanceof Refused) return failure;
      throw failure;
    }
    store.setHold(connectionId, Math.min(...held.flatMap((one) => (one.status === "fulfilled" ? one.value : []))));
    return this.get(owner, connectionId);
  }

  #owned(owner: Known, id: string): StoredConnection {
    const found = this.#parts.store.find(id);
    if (found?.owner === owner.id) return found;
    throw new Refused(404, "connection.unknown", `${owner.id} has no connection ${id}`);
  }
}

function isSilent(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  return outcome?.status === "rejected" && outcome.reason instanceof Refused && outcome.reason.status >= 502;
}

function checkSubject(subject: string, { id }: Known): void {
  if (subject !== id) throw new Refused(403, "token.insufficient", `the token was given to ${subject}, not to ${id}`);
}

function over({ connectionId, state }: Connection): Refused {
  return new Refused(409, "connection.over", `${connectionId} is ${state}`);
}
