import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { type Connection, type ConnectionState, connection, connectionState } from "../../lightpath/drac/wire.ts";
import { atOnce } from "../at-once.ts";
import type { Notices } from "./notices.ts";

/** What the coordinator set out to do at all domains and has not done at all of them yet. Logged before the first is asked. */
export const intent = z.enum(["commit", "provision", "release", "terminate"]);
export type Intent = z.output<typeof intent>;

/** A connection that this domain coordinates. */
export interface StoredConnection {
  readonly owner: string;
  readonly intent: Intent | undefined;
  readonly holdExpiresMs: number;
  readonly connection: Connection;
}

/** A request of a client, by its own number of it. */
export interface StoredRequest {
  readonly requestId: string;
  readonly wish: object;
}

const body = connection.omit({ connectionId: true, state: true, holdExpiresAt: true });
const row = z.object({
  ...{ id: z.string(), owner: z.string(), state: connectionState, intent: intent.nullable() },
  ...{ hold_expires: z.number(), body: z.string() },
});

/** All of a connection but its state, as it is stored. */
export function connectionBody({ connectionId: _, state: __, holdExpiresAt: ___, ...rest }: Connection): string {
  return JSON.stringify(body.parse(rest));
}

export class ConnectionStore {
  readonly #database: DatabaseSync;
  readonly #notices: Notices;

  constructor(database: DatabaseSync, notices: Notices) {
    this.#database = database;
    this.#notices = notices;
  }

  insert({ owner, holdExpiresMs, connection: one }: StoredConnection): void {
    const insert = "INSERT INTO connections VALUES (?, ?, ?, NULL, ?, ?)";
    this.#database.prepare(insert).run(one.connectionId, owner, one.state, holdExpiresMs, connectionBody(one));
  }

  find(id: string): StoredConnection | undefined {
    const found = this.#database.prepare("SELECT * FROM connections WHERE id = ?").get(id);
    return found === undefined ? undefined : stored(found);
  }

  /** What came of a request that was granted, and what it asked for. */
  findByRequest(owner: string, requestId: string): { found: StoredConnection; wish: unknown } | undefined {
    const select = "SELECT connections.*, wish FROM requests JOIN connections ON id = connection";
    const found = this.#database.prepare(`${select} WHERE requests.owner = ? AND request = ?`).get(owner, requestId);
    return found && { found: stored(found), wish: JSON.parse(z.string().parse(found.wish)) };
  }

  ownedBy(owner: string): readonly StoredConnection[] {
    return this.#database.prepare("SELECT * FROM connections WHERE owner = ?").all(owner).map(stored);
  }

  /** Whatever is not over, or not over everywhere. */
  open(): readonly StoredConnection[] {
    const select = "SELECT * FROM connections WHERE intent IS NOT NULL OR state NOT IN ('terminated', 'timed-out')";
    return this.#database.prepare(select).all().map(stored);
  }

  setIntent(id: string, value: Intent): void {
    this.#database.prepare("UPDATE connections SET intent = ? WHERE id = ?").run(value, id);
  }

  /** The intent is fulfilled. */
  setState(id: string, state: ConnectionState): void {
    const before = this.find(id);
    atOnce(this.#database, () => {
      this.#database.prepare("UPDATE connections SET state = ?, intent = NULL WHERE id = ?").run(state, id);
      if (before && before.connection.state !== state) this.#notices.note(before.owner, id, state);
    });
  }

  /** All domains hold their parts until then at least; whoever asks by the same request again finds it. */
  hold(id: string, owner: string, expiresMs: number, request: StoredRequest | undefined): void {
    atOnce(this.#database, () => {
      this.#database.prepare("UPDATE connections SET hold_expires = ? WHERE id = ?").run(expiresMs, id);
      if (request) this.#note(id, owner, request);
      this.#notices.note(owner, id, "held");
    });
  }

  #note(id: string, owner: string, { requestId, wish }: StoredRequest): void {
    const insert = "INSERT INTO requests VALUES (?, ?, ?, ?)";
    this.#database.prepare(insert).run(owner, requestId, id, JSON.stringify(wish));
  }
}

function stored(found: Record<string, SQLOutputValue>): StoredConnection {
  const { id, owner, state, intent: open, hold_expires, body: text } = row.parse(found);
  const held = state === "held" ? { holdExpiresAt: new Date(hold_expires).toISOString() } : {};
  return {
    ...{ owner, intent: open ?? undefined, holdExpiresMs: hold_expires },
    connection: { connectionId: id, state, ...body.parse(JSON.parse(text)), ...held },
  };
}
