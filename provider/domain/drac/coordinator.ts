import type { Credential } from "../../aaa/credential.ts";
import type { Connection, ModifyRequest, ReserveRequest } from "../../lightpath/drac/wire.ts";
import type { Authority } from "../aaa/authority.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Serial } from "../serial.ts";
import { requireSubject } from "./admission.ts";
import { asOfNow } from "./as-of-now.ts";
import type { Modifications } from "./modifications.ts";
import type { Reservations } from "./reservations.ts";
import type { Riders } from "./riders.ts";
import type { ConnectionStore, StoredConnection } from "./stored/connections.ts";
import type { Unison } from "./unison.ts";

export interface CoordinatorParts {
  readonly store: ConnectionStore;
  readonly reservations: Reservations;
  readonly riders: Riders;
  readonly modifications: Modifications;
  readonly authority: Authority;
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
  async reserve(owner: Known, request: ReserveRequest, right: Credential): Promise<Connection> {
    return await this.#parts.reservations.make(owner, request, right);
  }

  async commit(owner: Known, id: string, right: Credential): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, holdExpiresMs } = await this.#owned(owner, id);
      requireSubject((await this.#parts.authority.admitReservation(right.token, connection)).subject, owner);
      if (connection.state === "reserved" || connection.state === "provisioned") return connection;
      if (connection.state !== "held" || holdExpiresMs <= Date.now()) throw over(await this.get(owner, id));
      return await this.#parts.unison.everywhere(connection, "commit", "terminate", (part) => part.commit(id, right));
    });
  }

  async provision(owner: Known, id: string, right: Credential): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = await this.#owned(owner, id);
      const beginsMs = Date.parse(connection.window.start);
      requireSubject((await this.#parts.authority.admitUse(right.token, connection, beginsMs)).subject, owner);
      const ready = connection.state === "reserved" || connection.state === "provisioned";
      if (!ready || intent === "terminate") throw over(await this.get(owner, id));
      return await this.#parts.unison.everywhere(connection, "provision", "release", (part) =>
        part.provision(id, right),
      );
    });
  }

  /** One more VM uses it, by its own token. */
  async join(owner: Known, id: string, vm: string, right: Credential): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = await this.#owned(owner, id);
      const { subject, details } = await this.#parts.authority.admitUse(right.token, { ...connection, vm });
      requireSubject(subject, owner);
      const now = await this.get(owner, id);
      if ((now.state !== "reserved" && now.state !== "provisioned") || intent === "terminate") throw over(now);
      await this.#parts.riders.join(connection, vm, right, Date.parse(details.window.end));
      return now;
    });
  }

  /** A VM uses it no more; with the last one it ends. */
  async leave(owner: Known, id: string, vm: string): Promise<void> {
    await this.#end(owner, id, async (connection) => !(await this.#parts.riders.leave(connection, vm)));
  }

  /** Another rate or end, while it goes on: at every domain on the way, or at none. */
  async modify(owner: Known, id: string, request: ModifyRequest, right: Credential): Promise<Connection> {
    const { authority, riders, modifications } = this.#parts;
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = await this.#owned(owner, id);
      const { vm, bandwidthMbps = connection.bandwidthMbps, end = connection.window.end } = request;
      const wanted = { ...connection, vm, bandwidthMbps };
      requireSubject((await authority.admitModification(right.token, wanted, Date.parse(end))).subject, owner);
      const now = await this.get(owner, id);
      if ((now.state !== "reserved" && now.state !== "provisioned") || intent === "terminate") throw over(now);
      await riders.requireAboard(connection, vm);
      const lessens = bandwidthMbps < connection.bandwidthMbps || Date.parse(end) < Date.parse(connection.window.end);
      if (lessens) await riders.requireNoOther(wanted);
      return await modifications.make(connection, request, right);
    });
  }

  async release(owner: Known, id: string): Promise<Connection> {
    return await this.#parts.turns.run(id, async () => {
      const { connection, intent } = await this.#owned(owner, id);
      const lit = connection.state === "provisioned" || intent === "provision" || intent === "release";
      if (!lit) return await this.get(owner, id);
      await this.#parts.riders.requireNoOther(connection);
      return await this.#parts.unison.everywhere(connection, "release", undefined, (part) => part.release(id));
    });
  }

  async terminate(owner: Known, id: string): Promise<void> {
    await this.#end(owner, id, async (connection) => {
      await this.#parts.riders.requireNoOther(connection);
      return true;
    });
  }

  /** Once, and only if it may: one that is over already is fine. */
  async #end(owner: Known, id: string, may: (connection: Connection) => Promise<boolean>): Promise<void> {
    await this.#parts.turns.run(id, async () => {
      const { connection, intent } = await this.#owned(owner, id);
      if (connection.state === "terminated" && intent === undefined) return;
      if (!(await may(connection))) return;
      await this.#parts.unison.everywhere(connection, "terminate", undefined, (part) => part.terminate(id));
    });
  }

  async get(owner: Known, id: string): Promise<Connection> {
    return asOfNow(await this.#owned(owner, id));
  }

  async list(owner: Known): Promise<readonly Connection[]> {
    return (await this.#parts.store.ownedBy(owner.id)).map(asOfNow);
  }

  async #owned(owner: Known, id: string): Promise<StoredConnection> {
    const found = await this.#parts.store.find(id);
    if (found?.owner === owner.id) return found;
    throw new Refused(404, "connection.unknown", `${owner.id} has no connection ${id}`);
  }
}

function over({ connectionId, state }: Connection): Refused {
  return new Refused(409, "connection.over", `${connectionId} is ${state}`);
}
