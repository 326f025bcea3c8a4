import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { ConnectionState } from "../../../lightpath/drac/wire.ts";
import { atOnce } from "../../at-once.ts";
import type { ConnectionStore, Intent, StoredConnection, StoredRequest } from "../stored/connections.ts";
import { bodyOf, connectionOf, findConnection, knownConnection } from "./connection-row.ts";
import type { SqliteNotices } from "./notices.ts";
import { board } from "./riders.ts";

const ids = z.array(z.object({ id: z.string() }));

/** Coordinated connections in SQLite. */
export class SqliteConnections implements ConnectionStore {
  readonly #database: DatabaseSync;
  readonly #notices: SqliteNotices;

  constructor(database: DatabaseSync, notices: SqliteNotices) {
    this.#database = database;
    this.#notices = notices;
  }

  async insert({ owner, holdExpiresMs, connection: one }: Omit<StoredConnection, "intent">): Promise<void> {
    const insert = "INSERT INTO connections VALUES (?, ?, ?, NULL, ?, ?)";
    atOnce(this.#database, () => {
      this.#database.prepare(insert).run(one.connectionId, owner, one.state, holdExpiresMs, bodyOf(one));
      board(this.#database, one.connectionId, one.vm, Date.parse(one.window.end));
    });
  }

  async find(id: string): Promise<StoredConnection | undefined> {
    return findConnection(this.#database, id);
  }

  async findByRequest(owner: string, requestId: string) {
    const select = "SELECT connections.*, wish FROM requests JOIN connections ON id = connection";
    const found = this.#database.prepare(`${select} WHERE requests.owner = ? AND request = ?`).get(owner, requestId);
    return found && { found: connectionOf(found), wish: JSON.parse(z.string().parse(found.wish)) };
  }

  async ownedBy(owner: string): Promise<readonly StoredConnection[]> {
    return this.#database.prepare("SELECT * FROM connections WHERE owner = ?").all(owner).map(connectionOf);
  }

  async open(): Promise<readonly StoredConnection[]> {
    const select = "SELECT * FROM connections WHERE intent IS NOT NULL OR state NOT IN ('terminated', 'timed-out')";
    return this.#database.prepare(select).all().map(connectionOf);
  }

  async setIntent(id: string, value: Intent): Promise<void> {
    this.#intend(id, value);
  }

  async replaceIntent(before: Intent, after: Intent): Promise<void> {
    const select = "SELECT id FROM connections WHERE intent = ?";
    atOnce(this.#database, () => {
      const found = ids.parse(this.#database.prepare(select).all(before));
      for (const { id } of found) this.#intend(id, after);
    });
  }

  async setState(id: string, state: ConnectionState): Promise<void> {
    atOnce(this.#database, () => {
      const before = findConnection(this.#database, id);
      this.#database.prepare("UPDATE connections SET state = ?, intent = NULL WHERE id = ?").run(state, id);
      if (before && before.connection.state !== state) this.#notices.note(before.owner, id, state);
    });
  }

  async hold(id: string, expiresMs: number, request: StoredRequest | undefined): Promise<StoredConnection> {
    return atOnce(this.#database, () => {
      const before = knownConnection(this.#database, id);
      if (before.connection.state === "held") {
        this.#database.prepare("UPDATE connections SET hold_expires = ? WHERE id = ?").run(expiresMs, id);
        this.#notices.note(before.owner, id, "held");
      }
      if (request) this.#note(id, before.owner, request);
      return knownConnection(this.#database, id);
    });
  }

  #intend(id: string, value: Intent): void {
    this.#database.prepare("UPDATE connections SET intent = ? WHERE id = ?").run(value, id);
  }

  #note(id: string, owner: string, { requestId, wish }: StoredRequest): void {
    const insert = "INSERT INTO requests VALUES (?, ?, ?, ?)";
    this.#database.prepare(insert).run(owner, requestId, id, JSON.stringify(wish));
  }
}
