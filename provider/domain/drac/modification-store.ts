import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Connection } from "../../lightpath/drac/wire.ts";
import { atOnce } from "../at-once.ts";
import type { Notices } from "./notices.ts";

/**
 * `asked`: domains may hold a connection's new version, or have it in force: to be undone, unless all have.
 * `agreed`: all have; some may not know yet that it stands. `done`: all know.
 */
const phase = z.enum(["asked", "agreed", "done"]);

/** A modification of a connection that this domain coordinates. */
export interface StoredModification {
  /** The client's own number of it. */
  readonly request: string;
  readonly vm: string;
  readonly bandwidthMbps: number;
  readonly endMs: number;
  readonly phase: z.output<typeof phase>;
}

const row = z.object({ request: z.string(), vm: z.string(), mbps: z.number(), end: z.number(), phase });

const owned = z.object({ owner: z.string() });

/** What was asked to be modified, noted before the first domain hears of it. */
export class ModificationStore {
  readonly #database: DatabaseSync;
  readonly #notices: Notices;

  constructor(database: DatabaseSync, notices: Notices) {
    this.#database = database;
    this.#notices = notices;
  }

  begin(connection: string, { request, vm, bandwidthMbps, endMs }: Omit<StoredModification, "phase">): void {
    const insert = "INSERT INTO modifications VALUES (?, ?, ?, ?, ?, 'asked')";
    this.#database.prepare(insert).run(connection, request, vm, bandwidthMbps, endMs);
  }

  find(connection: string, request: string): StoredModification | undefined {
    const select = "SELECT * FROM modifications WHERE connection = ? AND request = ?";
    const found = this.#database.prepare(select).get(connection, request);
    return found === undefined ? undefined : stored(found);
  }

  /** Not over at every domain. */
  open(connection: string): readonly StoredModification[] {
    const select = "SELECT * FROM modifications WHERE connection = ? AND phase <> 'done'";
    return this.#database.prepare(select).all(connection).map(stored);
  }

  /** The decision, at once with what it decides: the connection is the new version from now on. */
  agree(connection: Connection, request: string, body: string): void {
    const id = connection.connectionId;
    atOnce(this.#database, () => {
      const change = "UPDATE connections SET body = ? WHERE id = ? RETURNING owner";
      const { owner } = owned.parse(this.#database.prepare(change).get(body, id));
      const update = "UPDATE modifications SET phase = 'agreed' WHERE connection = ? AND request = ?";
      this.#database.prepare(update).run(id, request);
      this.#notices.note(owner, id, "modified");
    });
  }

  finish(connection: string, request: string): void {
    const update = "UPDATE modifications SET phase = 'done' WHERE connection = ? AND request = ?";
    this.#database.prepare(update).run(connection, request);
  }

  /** It is undone everywhere: as if it had never been asked. */
  forget(connection: string, request: string): void {
    this.#database.prepare("DELETE FROM modifications WHERE connection = ? AND request = ?").run(connection, request);
  }
}

function stored(found: object): StoredModification {
  const { request, vm, mbps, end, phase: at } = row.parse(found);
  return { request, vm, bandwidthMbps: mbps, endMs: end, phase: at };
}
