import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import type { Connection, ConnectionState, ReserveRequest } from "../../lightpath/drac/wire.ts";
import type { Authority } from "../aaa/authority.ts";
import type { Topology } from "../config.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import { Serial } from "../serial.ts";
import type { ConnectionStore, Intent, StoredConnection } from "./connection-store.ts";
import type { Part } from "./part.ts";
import type { Riders } from "./riders.ts";
import { findRoute, type Route } from "./route.ts";

/** Two coordinators may choose the same channel at once; the later one looks again, not both in step. */
const TRIES = 3;
const LONGEST_PAUSE_MS = 200;

export interface CoordinatorParts {
  readonly topology: Topology;
  readonly store: ConnectionStore;
  readonly riders: Riders;
  readonly authority: Authority;
  /** Each domain's part, this one's included. */
  readonly partOf: (domain: string) => Part;
  readonly log: Logger;
}

/** Leads connections through all the domains on their way: all of them or none. */
export class Coordinator {
  readonly #parts: CoordinatorParts;
  readonly #turns = new Serial();

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
    return await this.#turns.run(id, async () => {
      const { connection, holdExpiresMs } = this.#owned(owner, id);
      checkSubject((await this.#parts.authority.admitReservation(token, connection)).subject, owner);
      if (connection.state === "reserved" || connection.state === "provisioned") return connection;
      if (connection.state !== "held" || holdExpiresMs <= Date.now()) throw over(this.get(owner, id));
      return await this.#everywhere(connection, "commit", "terminate", (part) => part.commit(id, token ?? ""));
    });
  }

  async provision(owner: Known, id: string, token: string | undefined): Promise<Connection> {
    return await this.#turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      checkSubject((await this.#parts.authority.admitUse(token, connection)).subject, owner);
      const ready = connection.state === "reserved" || connection.state === "provisioned";
      if (!ready || intent === "terminate") throw over(this.get(owner, id));
      return await this.#everywhere(connection, "provision", "release", (part) => part.provision(id, token ?? ""));
    });
  }

  /** One more VM uses it, by its own token. */
  async join(owner: Known, id: string, vm: string, token: string | undefined): Promise<Connection> {
    return await this.#turns.run(id, async () => {
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

  async release(owner: Known, id: string): Promise<Connection> {
    return await this.#turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      const lit = connection.state === "provisioned" || intent === "provision" || intent === "release";
      if (!lit) return this.get(owner, id);
      this.#parts.riders.requireNoOther(connection);
      return await this.#everywhere(connection, "release", undefined, (part) => part.release(id));
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
    await this.#turns.run(id, async () => {
      const { connection, intent } = this.#owned(owner, id);
      if (connection.state === "terminated" && intent === undefined) return;
      if (!(await may(connection))) return;
      await this.#everywhere(connection, "terminate", undefined, (part) => part.terminate(id));
    });
  }

  get(owner: Known, id: string): Connection {
    return asOfNow(this.#owned(owner, id));
  }

  list(owner: Known): readonly Connection[] {
    return this.#parts.store.ownedBy(owner.id).map(asOfNow);
  }

  /** After a restart: what was half done is undone, never completed without its client. */
  recover(): void {
    const { store } = this.#parts;
    for (const { connection, intent } of store.open()) {
      if (intent === "commit") store.setIntent(connection.connectionId, "terminate");
      if (intent === "provision") store.setIntent(connection.connectionId, "release");
    }
  }

  /** Notes what has ended, and tries again what a silent domain still owes; one that is silent keeps no other waiting. */
  async settle(): Promise<void> {
    const { store, log } = this.#parts;
    const ids = store.open().map(({ connection }) => connection.connectionId);
    const settled = ids.map(async (id) => {
      try {
        // In its turn, and looked up then: its client may be about to commit or to end it.
        await this.#turns.run(id, () => this.#settle(id));
      } catch (thrown) {
        log.warn({ connection: id, reason: reasonOf(thrown) }, "a domain still owes this");
      }
    });
    await Promise.all(settled);
  }

  async #settle(id: string): Promise<void> {
    const { store } = this.#parts;
    const found = store.find(id);
    if (found === undefined) return;
    const { connection, intent } = found;
    const { state } = asOfNow(found);
    // At a window's end every domain ends it for itself; a hold that ran out may have been committed somewhere before.
    if (state === "terminated" || (intent === undefined && state !== connection.state)) store.setState(id, state);
    else if (intent === "release" || intent === "terminate") {
      await this.#everywhere(connection, intent, undefined, (part) => part[intent](id));
    }
  }

  async #hold(
    owner: Known,
    wish: ReserveRequest,
    { segments, rttMs }: Route,
    token: string,
  ): Promise<Connection | Refused> {
    const { store, riders, partOf } = this.#parts;
    const connectionId = randomUUID();
    const connection: Connection = { connectionId, state: "held", ...wish, segments: [...segments], rttMs };
    // Until every domain has said how long it holds.
    store.insert({ owner: owner.id, intent: undefined, holdExpiresMs: Date.now() + 60_000, connection });
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
      await this.#attempt(
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

  /** Does it at all domains; if one fails, does the opposite at all, as far as they answer, and rejects with the first failure. */
  async #everywhere(
    connection: Connection,
    intent: Intent,
    opposite: "release" | "terminate" | undefined,
    act: (part: Part) => Promise<void>,
  ): Promise<Connection> {
    const domains = connection.segments.map(({ domain }) => domain);
    const failure = await this.#attempt(connection, intent, domains, act);
    if (failure !== undefined) {
      const { connectionId: id } = connection;
      if (opposite !== undefined) await this.#attempt(connection, opposite, domains, (part) => part[opposite](id));
      throw failure;
    }
    return { ...connection, state: OUTCOME[intent] };
  }

  /** The intent is logged before the first domain is asked, and stays logged until all have done it. Resolves with the first failure. */
  async #attempt(
    connection: Connection,
    intent: Intent,
    domains: readonly string[],
    act: (part: Part) => Promise<void>,
  ) {
    const { store, partOf } = this.#parts;
    store.setIntent(connection.connectionId, intent);
    const failure = firstFailure(await Promise.allSettled(domains.map(async (domain) => await act(partOf(domain)))));
    if (failure === undefined) store.setState(connection.connectionId, OUTCOME[intent]);
    return failure;
  }

  #owned(owner: Known, id: string): StoredConnection {
    const found = this.#parts.store.find(id);
    if (found?.owner === owner.id) return found;
    throw new Refused(404, "connection.unknown", `${owner.id} has no connection ${id}`);
  }
}

const OUTCOME = {
  commit: "reserved",
  provision: "provisioned",
  release: "reserved",
  terminate: "terminated",
} as const satisfies Record<Intent, ConnectionState>;

function firstFailure(outcomes: readonly PromiseSettledResult<unknown>[]): unknown {
  return outcomes.find((one) => one.status === "rejected")?.reason;
}

function isSilent(outcome: PromiseSettledResult<unknown> | undefined): boolean {
  return outcome?.status === "rejected" && outcome.reason instanceof Refused && outcome.reason.status >= 502;
}

function checkSubject(subject: string, { id }: Known): void {
  if (subject !== id) throw new Refused(403, "token.insufficient", `the token was given to ${subject}, not to ${id}`);
}

/** What has run out is over, whether or not anybody has noted it yet. */
function asOfNow({ connection, holdExpiresMs }: Pick<StoredConnection, "connection" | "holdExpiresMs">): Connection {
  const { holdExpiresAt: _, ...rest } = connection;
  const { state } = connection;
  if (state === "terminated" || state === "timed-out") return rest;
  if (Date.parse(connection.window.end) <= Date.now()) return { ...rest, state: "terminated" };
  if (state === "held" && holdExpiresMs <= Date.now()) return { ...rest, state: "timed-out" };
  return connection;
}

function over({ connectionId, state }: Connection): Refused {
  return new Refused(409, "connection.over", `${connectionId} is ${state}`);
}
