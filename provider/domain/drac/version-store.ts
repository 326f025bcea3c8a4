import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { atOnce } from "../at-once.ts";

/**
 * The other one of the two versions of a segment that is being modified. `held`: the new one, until its hold runs out;
 * `committed`: the old one, to which there is a way back until the coordinator confirms that the new one stands.
 */
export interface OtherVersion {
  readonly request: string;
  readonly grant: string;
  readonly bandwidthMbps: number;
  readonly endMs: number;
  readonly phase: "held" | "committed";
  /** Of a hold. */
  readonly expiresMs: number;
}

interface Named {
  readonly coordinator: string;
  readonly id: string;
}

/** A segment and the version of it that is in force. */
export interface InForce extends Named {
  readonly from: string;
  readonly to: string;
  readonly vm: string;
  readonly grant: string;
  readonly bandwidthMbps: number;
  readonly endMs: number;
}

const row = z.object({
  ...{ request: z.string(), version_grant: z.string(), version_mbps: z.number(), version_end: z.number() },
  ...{ version_phase: z.enum(["held", "committed"]), version_expires: z.number() },
});

/** Undefined where a segment, joined with its other version, has none. */
export function otherVersion(joined: Readonly<Record<string, unknown>>): OtherVersion | undefined {
  if (joined.request === null || joined.request === undefined) return undefined;
  const { request, version_grant, version_mbps, version_end, version_phase, version_expires } = row.parse(joined);
  return {
    ...{ request, grant: version_grant, bandwidthMbps: version_mbps, endMs: version_end },
    ...{ phase: version_phase, expiresMs: version_expires },
  };
}

/** A hold that ran out counts no more. */
export function isLive({ phase, expiresMs }: OtherVersion, nowMs: number): boolean {
  return phase === "committed" || expiresMs > nowMs;
}

/** The versions of this domain's segments that are not in force. */
export class VersionStore {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  hold({ coordinator, id }: Named, other: OtherVersion): void {
    const { request, grant, bandwidthMbps, endMs, phase, expiresMs } = other;
    this.#database
      .prepare("INSERT OR REPLACE INTO segment_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)")
      .run(coordinator, id, request, grant, bandwidthMbps, endMs, phase, expiresMs);
  }

  drop({ coordinator, id }: Named): void {
    this.#database.prepare("DELETE FROM segment_versions WHERE coordinator = ? AND id = ?").run(coordinator, id);
  }

  /** The other one is in force from now on, and what was is the other one. */
  swap(segment: InForce, other: OtherVersion, phase: OtherVersion["phase"]): void {
    const { coordinator, id, from, to, vm, grant, bandwidthMbps, endMs } = segment;
    const scope = JSON.stringify({ from, to, vm, grant: other.grant });
    atOnce(this.#database, () => {
      this.#database
        .prepare('UPDATE segments SET mbps = ?, "end" = ?, scope = ? WHERE coordinator = ? AND id = ?')
        .run(other.bandwidthMbps, other.endMs, scope, coordinator, id);
      this.hold(segment, { ...other, grant, bandwidthMbps, endMs, phase });
    });
  }
}
