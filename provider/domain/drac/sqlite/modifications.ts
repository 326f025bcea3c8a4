import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { atOnce } from "../../at-once.ts";
import type { StoredConnection } from "../stored/connections.ts";
import { type ModificationStore, phase, type StoredModification } from "../stored/modifications.ts";
import { bodyOf, knownConnection } from "./connection-row.ts";
import type { SqliteNotices } from "./notices.ts";

const row = z.object({ request: z.string(), vm: z.string(), mbps: z.number(), end: z.number(), phase });

/** Modifications of coordinated connections in SQLite. */
export class SqliteModifications implements ModificationStore {
  readonly #database: DatabaseSync;
  readonly #notices: SqliteNotices;

  constructor(database: DatabaseSync, notices: SqliteNotices) {
    this.#database = database;
    this.#notices = notices;
  }

  async begin(
    connection: string,
    { request, vm, bandwidthMbps, endMs }: Omit<StoredModification, "phase">,
  ): Promise<StoredModification | undefined> {
    const insert = "INSERT INTO modifications VALUES (?, ?, ?, ?, ?, 'asked')";
    return atOnce(this.#database, () => {
      const before = this.#find(connection, request);
      if (before === undefined) this.#database.prepare(insert).run(connection, request, vm, bandwidthMbps, endMs);
      return before;
    });
  }

  async open(connection: string): Promise<readonly StoredModification[]> {
    const select = "SELECT * FROM modifications WHERE connection = ? AND phase <> 'done'";
    return this.#database.prepare(select).all(connection).map(modificationOf);
  }

  async agree(connection: string, request: string): Promise<StoredConnection> {
    return atOnce(this.#database, () => {
      const asked = this.#find(connection, request);
      if (asked?.phase !== "asked") throw new TypeError(`${request} of ${connection} is not asked`);
      this.#move(connection, request, "asked", "agreed");
      const agreed = this.#renew(connection, asked);
      const stay = "UPDATE riders SET until = ? WHERE connection = ? AND vm = ?";
      this.#database.prepare(stay).run(asked.endMs, connection, asked.vm);
      this.#notices.note(agreed.owner, connection, "modified");
      return agreed;
    });
  }

  async finish(connection: string, request: string): Promise<void> {
    this.#move(connection, request, "agreed", "done");
  }

  async forget(connection: string, request: string): Promise<void> {
    const forget = "DELETE FROM modifications WHERE connection = ? AND request = ? AND phase = 'asked'";
    this.#database.prepare(forget).run(connection, request);
  }

  #find(connection: string, request: string): StoredModification | undefined {
    const select = "SELECT * FROM modifications WHERE connection = ? AND request = ?";
    const found = this.#database.prepare(select).get(connection, request);
    return found === undefined ? undefined : modificationOf(found);
  }

  #move(connection: string, request: string, before: StoredModification["phase"], after: StoredModification["phase"]) {
    const update = "UPDATE modifications SET phase = ? WHERE connection = ? AND request = ? AND phase = ?";
    this.#database.prepare(update).run(after, connection, request, before);
  }

  #renew(id: string, { bandwidthMbps, endMs }: StoredModification): StoredConnection {
    const { connection, ...rest } = knownConnection(this.#database, id);
    const window = { ...connection.window, end: new Date(endMs).toISOString() };
    const renewed = { ...connection, bandwidthMbps, window };
    this.#database.prepare("UPDATE connections SET body = ? WHERE id = ?").run(bodyOf(renewed), id);
    return { ...rest, connection: renewed };
  }
}

function modificationOf(found: object): StoredModification {
  const { request, vm, mbps, end, phase: at } = row.parse(found);
  return { request, vm, bandwidthMbps: mbps, endMs: end, phase: at };
}
