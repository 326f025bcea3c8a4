import type { DatabaseSync } from "node:sqlite";
import type { Named, OtherVersion, Ride, StoredSegment, TokenUse } from "../stored/segment.ts";
import type { Change } from "../stored/segments.ts";
import { rowOf, scopeOf } from "./segment-rows.ts";

/** Writes what was decided about a segment. In the transaction of the decision. */
export class SegmentWriter {
  readonly #database: DatabaseSync;

  constructor(database: DatabaseSync) {
    this.#database = database;
  }

  /** `found`: what was decided upon. */
  write(of: Named, found: StoredSegment | undefined, change: Change): void {
    switch (change.kind) {
      case "insert":
        this.#run(`INSERT INTO segments VALUES (${Array(13).fill("?").join(", ")})`, ...rowOf(change.segment));
        break;
      case "state":
        this.#run("UPDATE segments SET state = ? WHERE coordinator = ? AND id = ?", change.state, ...keyOf(of));
        break;
      case "hold version":
        this.#holdVersion(of, change.other);
        break;
      case "swap versions":
        this.#swapVersions(found, change.phase);
        break;
      case "drop version":
        this.#run("DELETE FROM segment_versions WHERE coordinator = ? AND id = ?", ...keyOf(of));
        break;
      case "use token":
        this.#useToken(of, change.use);
        break;
      case "board":
        this.#board(of, change.ride);
        break;
      case "alight":
        this.#run("UPDATE rides SET ended = 1 WHERE coordinator = ? AND id = ? AND vm = ?", ...keyOf(of), change.vm);
        break;
      default:
        change satisfies never;
    }
  }

  #holdVersion(of: Named, { request, grant, bandwidthMbps, endMs, phase, expiresMs }: OtherVersion): void {
    const insert = "INSERT OR REPLACE INTO segment_versions VALUES (?, ?, ?, ?, ?, ?, ?, ?)";
    this.#run(insert, ...keyOf(of), request, grant, bandwidthMbps, endMs, phase, expiresMs);
  }

  #swapVersions(found: StoredSegment | undefined, phase: OtherVersion["phase"]): void {
    if (found?.other === undefined) throw new TypeError("there is no other version to be put in force");
    const { grant, bandwidthMbps, endMs, other } = found;
    const update = 'UPDATE segments SET mbps = ?, "end" = ?, scope = ? WHERE coordinator = ? AND id = ?';
    const scope = scopeOf({ ...found, grant: other.grant });
    this.#run(update, other.bandwidthMbps, other.endMs, scope, ...keyOf(found));
    this.#holdVersion(found, { ...other, grant, bandwidthMbps, endMs, phase });
  }

  #useToken(of: Named, { home, token, vm, epoch, expiresMs }: TokenUse): void {
    const insert = "INSERT INTO token_uses VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING";
    this.#run(insert, home, token, ...keyOf(of), vm, epoch ?? null, expiresMs);
  }

  #board(of: Named, { home, token, vm, grant, untilMs }: Ride): void {
    this.#run("INSERT INTO rides VALUES (?, ?, ?, ?, ?, ?, ?, 0)", home, token, ...keyOf(of), vm, grant, untilMs);
  }

  #run(statement: string, ...values: readonly (string | number | null)[]): void {
    this.#database.prepare(statement).run(...values);
  }
}

const keyOf = ({ coordinator, id }: Named) => [coordinator, id] as const;
