import type { DatabaseSync, StatementSync } from "node:sqlite";
import { z } from "zod";
import { Refused } from "../refused.ts";

const answer = z.object({ peak: z.number().nullable() });

/** What begins or ends in a window, in order: what ends at a moment makes room for what begins then. */
const PEAK = `
  WITH standing AS (
    SELECT max(start, :startMs) AS start, "end", mbps FROM commitments AS own
    WHERE action = :action AND home = :home AND subject = :subject AND "end" > :fromMs AND start < :endMs AND NOT EXISTS
    (SELECT 1 FROM revocations WHERE revocations.home = own.home AND revocations.grant_id = own.grant_id)
  ), steps AS (SELECT start AS at, mbps FROM standing UNION ALL SELECT "end", -mbps FROM standing)
  SELECT max(total) AS peak FROM
  (SELECT sum(mbps) OVER (ORDER BY at, mbps ROWS UNBOUNDED PRECEDING) AS total FROM steps)`;

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
  readonly #peak: StatementSync;

  constructor(database: DatabaseSync) {
    this.#insert = database.prepare("INSERT INTO commitments VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING");
    this.#peak = database.prepare(PEAK);
  }

  /** Throws Refused (409) if something was permitted under that grant already: it is asked for once. */
  add({ action, home, subject, grant, bandwidthMbps, startMs, endMs }: Commitment): void {
    const { changes } = this.#insert.run(action, home, grant, subject, bandwidthMbps, startMs, endMs);
    if (changes === 1) return;
    throw new Refused(409, "consent.given", `the grant ${grant} of ${home} has been decided on before`);
  }

  /** The most that a subject would have at any one time of the window, with the wish. */
  totalMbps({ action, home, subject, bandwidthMbps, startMs, endMs }: Commitment): number {
    const fromMs = Math.max(startMs, Date.now());
    const { peak } = answer.parse(this.#peak.get({ action, home, subject, startMs, endMs, fromMs }));
    // Sums of fractions stray in their last digits, and limits are met exactly.
    return Math.round((bandwidthMbps + (peak ?? 0)) * 1e6) / 1e6;
  }
}
