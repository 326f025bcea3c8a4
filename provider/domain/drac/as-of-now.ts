import type { Connection } from "../../lightpath/drac/wire.ts";
import type { StoredConnection } from "./stored/connections.ts";

/** What has run out is over, whether or not anybody has noted it yet. */
export function asOfNow({
  connection,
  holdExpiresMs,
}: Pick<StoredConnection, "connection" | "holdExpiresMs">): Connection {
  const { holdExpiresAt: _, ...rest } = connection;
  const { state } = connection;
  if (state === "terminated" || state === "timed-out") return rest;
  if (Date.parse(connection.window.end) <= Date.now()) return { ...rest, state: "terminated" };
  if (state === "held" && holdExpiresMs <= Date.now()) return { ...rest, state: "timed-out" };
  return connection;
}
