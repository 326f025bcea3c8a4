import type { Ratios } from "./ratios.ts";
import type { Row } from "./rows.ts";
import type { Summary } from "./summary.ts";

type Kept = Pick<Row, "variant" | "rttMs" | "load" | "n" | "blackoutMs" | "totalMs">;
type MaybeMeasured = Pick<Row, "streamGapMs" | "pingGapMs" | "lostPings" | "memoryBytes" | "diskBytes">;

/** A row's fields are always the same; what is not measured of a variant is null. */
export type JsonRow = Kept & {
  readonly [Name in keyof Required<MaybeMeasured>]: Exclude<MaybeMeasured[Name], undefined> | null;
};

type Detail =
  | "encryption"
  | "controllerRttMs"
  | "wholeMove"
  | "beforeStop"
  | "returnDiskBytes"
  | "writeP99Ms"
  | "split";

/** What `--json` ends with, in one line. */
export interface Line {
  readonly rows: readonly JsonRow[];
  readonly ratios: Ratios;
  /** What else is known of a row, by its variant: the gaps of the whole move and before STOP, the return trip, the guest's writes, where the blackout's time went. */
  readonly details: Readonly<Record<string, Pick<Row, Detail>>>;
}

export function lineOf({ rows, ratios }: Summary): Line {
  return {
    rows: rows.map(({ variant, rttMs, load, n, blackoutMs, totalMs, ...row }) => ({
      ...{ variant, rttMs, load, n, blackoutMs },
      ...{ streamGapMs: row.streamGapMs ?? null, pingGapMs: row.pingGapMs ?? null, lostPings: row.lostPings ?? null },
      ...{ totalMs, memoryBytes: row.memoryBytes ?? null, diskBytes: row.diskBytes ?? null },
    })),
    ratios,
    details: Object.fromEntries(
      rows.map(
        ({ variant, encryption, controllerRttMs, wholeMove, beforeStop, returnDiskBytes, writeP99Ms, split }) => [
          variant,
          {
            ...(encryption && { encryption }),
            ...(controllerRttMs !== undefined && { controllerRttMs }),
            ...(wholeMove && { wholeMove }),
            ...(beforeStop && { beforeStop }),
            ...(returnDiskBytes !== undefined && { returnDiskBytes }),
            ...(writeP99Ms !== undefined && { writeP99Ms }),
            ...(split && { split }),
          },
        ],
      ),
    ),
  };
}
