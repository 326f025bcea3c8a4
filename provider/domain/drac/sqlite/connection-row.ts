import type { DatabaseSync, SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { type Connection, connection, connectionState } from "../../../lightpath/drac/wire.ts";
import { intent, type StoredConnection } from "../stored/connections.ts";

const body = connection.omit({ connectionId: true, state: true, holdExpiresAt: true });
const row = z.object({
  ...{ id: z.string(), owner: z.string(), state: connectionState, intent: intent.nullable() },
  ...{ hold_expires: z.number(), body: z.string() },
});

/** All of a connection but its state, as it is stored. */
export function bodyOf({ connectionId: _, state: __, holdExpiresAt: ___, ...rest }: Connection): string {
  return JSON.stringify(body.parse(rest));
}

/** A row of the table of connections. */
export function connectionOf(found: Record<string, SQLOutputValue>): StoredConnection {
  const { id, owner, state, intent: open, hold_expires, body: text } = row.parse(found);
  const held = state === "held" ? { holdExpiresAt: new Date(hold_expires).toISOString() } : {};
  return {
    ...{ owner, intent: open ?? undefined, holdExpiresMs: hold_expires },
    connection: { connectionId: id, state, ...body.parse(JSON.parse(text)), ...held },
  };
}

export function findConnection(database: DatabaseSync, id: string): StoredConnection | undefined {
  const found = database.prepare("SELECT * FROM connections WHERE id = ?").get(id);
  return found === undefined ? undefined : connectionOf(found);
}

/** One that must be there: throws TypeError. */
export function knownConnection(database: DatabaseSync, id: string): StoredConnection {
  const found = findConnection(database, id);
  if (found === undefined) throw new TypeError(`${id} was never noted`);
  return found;
}
