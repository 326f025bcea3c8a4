import { type CopyRatios, copyRatiosOf } from "./copy-ratios.ts";
import { type PaperRatios, paperRatiosOf } from "./paper.ts";
import { isPlain, type Row } from "./rows.ts";
import type { Sample } from "./samples.ts";
import { hundredths } from "./statistics.ts";
import { ROUND_TRIPS_MS } from "./variants.ts";

type Ratio = Readonly<Record<string, number>>;

export interface Ratios extends PaperRatios, CopyRatios {
  /** Of a blackout to one way of the path, by variant. */
  readonly blackoutToFloor: Ratio;
  /** Of the far blackout to the near one. */
  readonly wanToLan: Ratio;
  /** Of a blackout to that of plain `virsh migrate` with storage. */
  readonly blackoutToVirsh: Ratio;
  readonly tlsToNone: Ratio;
  /** Of the blackout of a VM that was suspended for the copy of its memory to that of one that ran. */
  readonly suspendedToLive: Ratio;
  /** Of the blackout under a controller far from both sites to that under one beside them. */
  readonly farControllerBlackout: Ratio;
  /** The same of the gap between two replies to pings, at the switchover. */
  readonly farControllerPingGap: Ratio;
  readonly returnToFirstDiskBytes: Ratio;
}

/** Of medians, measured side by side; what lacks one side is left out. */
export function ratiosOf(rows: readonly Row[], samples: readonly Sample[]): Ratios {
  const suspended = rows.filter((row) => row.suspended === true);
  const farControllers = rows.filter((row) => row.controllerRttMs !== undefined);
  const ours = rows.filter(isPlain);
  const plainFor = (row: Row) => ours.find((one) => one.rttMs === row.rttMs && alike(one, row));
  const beside = (row: Row, isOther: (other: Row) => boolean) =>
    ratio(row.blackoutMs.median, rows.find(isOther)?.blackoutMs.median);
  const [far, near] = ROUND_TRIPS_MS;
  return {
    ...paperRatiosOf(rows),
    blackoutToFloor: collect(ours, (row) => [row.variant, ratio(row.blackoutMs.median, row.rttMs / 2)]),
    wanToLan: collect(
      ours.filter(({ rttMs }) => rttMs === far),
      (row) => [
        `${row.load} ${row.encryption}`,
        beside(row, (one) => ours.includes(one) && one.rttMs === near && alike(one, row)),
      ],
    ),
    blackoutToVirsh: collect(ours, (row) => [
      row.variant,
      beside(row, (one) => one.rttMs === row.rttMs && one.load === row.load && one.encryption === undefined),
    ]),
    tlsToNone: collect(
      ours.filter(({ encryption }) => encryption === "tls"),
      (row) => [
        `${row.rttMs} ms ${row.load}`,
        beside(row, (one) => one.rttMs === row.rttMs && one.load === row.load && one.encryption === "none"),
      ],
    ),
    suspendedToLive: collect(suspended, (row) => [
      `${row.rttMs} ms ${row.load}`,
      ratio(row.blackoutMs.median, plainFor(row)?.blackoutMs.median),
    ]),
    farControllerBlackout: collect(farControllers, (row) => [
      `${row.rttMs} ms ${row.load}`,
      ratio(row.blackoutMs.median, plainFor(row)?.blackoutMs.median),
    ]),
    farControllerPingGap: collect(farControllers, (row) => [
      `${row.rttMs} ms ${row.load}`,
      ratio(row.pingGapMs?.median, plainFor(row)?.pingGapMs?.median),
    ]),
    returnToFirstDiskBytes: collect(ours, (row) => [row.variant, ratio(row.returnDiskBytes, row.diskBytes)]),
    ...copyRatiosOf(samples),
  };
}

const alike = (one: Row, other: Row) => one.load === other.load && one.encryption === other.encryption;

function collect(rows: readonly Row[], entry: (row: Row) => readonly [string, number | undefined]): Ratio {
  const known = rows.map(entry).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(known);
}

/** Undefined unless both are known. */
function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined || other === 0 ? undefined : hundredths(one / other);
}
