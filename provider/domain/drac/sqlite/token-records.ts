import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import type { Named, TokenName } from "../stored/segment.ts";
import type { TokenRecord } from "../stored/sight.ts";

const use = z.object({ coordinator: z.string(), id: z.string() });
const latest = z.object({ epoch: z.number().nullable() });
const ride = z.object({ coordinator: z.string(), id: z.string(), vm: z.string(), ended: z.number() });

/** What a token served for so far. Uses and ended rides stay on disk, so that a restart forgives no replay. */
export function tokenRecord(
  database: DatabaseSync,
  { coordinator, id }: Named,
  { home, token, vm }: TokenName,
  nowMs: number,
): TokenRecord {
  const used = database.prepare("SELECT coordinator, id FROM token_uses WHERE home = ? AND token = ?").get(home, token);
  const ridden = database.prepare("SELECT * FROM rides WHERE home = ? AND token = ?").get(home, token);
  // A VM that is made anew counts from the beginning again: only tokens that live yet can be overtaken.
  const select =
    "SELECT max(epoch) AS epoch FROM token_uses WHERE coordinator = ? AND id = ? AND vm = ? AND expires > ?";
  const { epoch } = latest.parse(database.prepare(select).get(coordinator, id, vm, nowMs));
  return {
    serves: used && use.parse(used),
    ride: ridden && rideOf(ride.parse(ridden)),
    latestEpoch: epoch ?? undefined,
  };
}

/** The VMs that joined a connection and use it still. */
export function ridersOf(database: DatabaseSync, { coordinator, id }: Named, nowMs: number): readonly string[] {
  const select = "SELECT * FROM rides WHERE coordinator = ? AND id = ? AND ended = 0 AND until > ?";
  return z
    .array(ride)
    .parse(database.prepare(select).all(coordinator, id, nowMs))
    .map(({ vm }) => vm);
}

function rideOf({ ended, ...rest }: z.output<typeof ride>): NonNullable<TokenRecord["ride"]> {
  return { ...rest, ended: ended !== 0 };
}
