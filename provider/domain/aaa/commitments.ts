import type { DatabaseSync, StatementSync } from "node:sqlite";
import { z } from "zod";
import { Refused } from "../refused.ts";

const rows = z.array(z.object({ start: z.number(), end: z.number(), mbps: z.number() }));

/** What a domain said yes to: as a client's home (`grant`), or for its part of a way (`consent`). */
export interface Commitment {
  readonly action: "grant" | "consent";
  readonly home: string;
  readonly subject: string;
  readonly grant: string;
  readonly bandwidthMbps: number;
  readonly startMs: number;
  readonly endMs: number;
}

/** All that this domain permitted and that was not revoked: what a subject has already counts in the next decision. */
export class Commitments {
  readonly #insert: StatementSync;
  readonly #standing: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT INTO commitments VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#standing = database.prepare(`
      SELECT start, "end", mbps FROM commitments AS own WHERE action = ? AND home = ? AND subject = ?
      AND "end" > ? AND start < ? AND NOT EXISTS
      (SELECT 1 FROM revocations WHERE revocations.home = own.home AND revocations.grant_id = own.grant_id)`);
  }

  /** Throws Refused (409) if something was permitted under that grant already: it is asked for once. */
  add({ action, home, subject, grant, bandwidthMbps, startMs, endMs }: Commitment): void {
    const { changes } = this.#insert.run(action, home, grant, subject, bandwidthMbps, startMs, endMs);
    if (changes === 1) return;
    throw new Refused(409, "consent.given", `the grant ${grant} of ${home} has been decided on before`);
  }

  /** The most that a subject would have at any one time of the window, with the wish. */
  totalMbps(wish: Commitment): number {
    const { action, home, subject, bandwidthMbps, startMs, endMs } = wish;
    const standing = rows.parse(this.#standing.all(action, home, subject, Math.max(startMs, Date.now()), endMs));
    // What ends at a moment makes room for what begins then.
    const steps = standing.flatMap(({ start, end, mbps }) => [
      { atMs: Math.max(start, startMs), mbps },
      { atMs: end, mbps: -mbps },
    ]);
    steps.sort((one, other) => one.atMs - other.atMs || one.mbps - other.mbps);
    let [sum, peak] = [bandwidthMbps, bandwidthMbps];
    for (const { mbps } of steps) {
      sum += mbps;
      peak = Math.max(peak, sum);
    }
    return peak;
  }
}
