import type { CopySample, MoveSample, Sample, Split, VirshSample } from "./samples.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import { type Encryption, type LoadName, ROUND_TRIPS_MS, type Variant, variantsAt } from "./variants.ts";

interface Noticed {
  readonly streamGapMs: Statistics;
  readonly pingGapMs: Statistics;
  readonly lostPings: Statistics;
}

/** One variant's moves. What is not measured of a variant is absent. */
export interface Row extends Partial<Noticed> {
  readonly variant: string;
  readonly rttMs: number;
  readonly load: LoadName;
  readonly encryption?: Encryption;
  readonly n: number;
  readonly blackoutMs: Statistics;
  /** The gaps above are those at the switchover; these the largest from before the first command to after the last. */
  readonly wholeMove?: Noticed;
  /** Medians. */
  readonly totalMs: number;
  readonly memoryBytes?: number;
  /** Of the first trip, which takes the whole disk; absent if there was none. */
  readonly diskBytes?: number;
  /** Of the return onto the replica. */
  readonly returnDiskBytes?: number;
  readonly split?: Split;
}

type Ratio = Readonly<Record<string, number>>;

export interface Ratios {
  /** Of a blackout to one way of the path, by variant. */
  readonly blackoutToFloor: Ratio;
  /** Of the far blackout to the near one. */
  readonly wanToLan: Ratio;
  /** Of a blackout to that of plain `virsh migrate` with storage. */
  readonly blackoutToVirsh: Ratio;
  readonly tlsToNone: Ratio;
  readonly returnToFirstDiskBytes: Ratio;
  /** Of a copy's rate to that of one TCP stream on the same path. */
  readonly copyToStream: Ratio;
}

export interface Summary {
  readonly rows: readonly Row[];
  readonly ratios: Ratios;
}

const VARIANTS: readonly Variant[] = ROUND_TRIPS_MS.flatMap(variantsAt);

/** Whatever can be said of the samples there are. */
export function summarize(samples: readonly Sample[]): Summary {
  const rows = VARIANTS.flatMap((variant): Row[] => {
    const own = samples.filter((sample) => sample.variant === variant.id);
    const moves = own.filter((sample) => sample.kind === "move");
    const migrations = own.filter((sample) => sample.kind === "virsh");
    if (variant.kind === "move" && moves.length > 0) return [moveRow(variant, moves)];
    if (variant.kind === "virsh" && migrations.length > 0) return [virshRow(variant, migrations)];
    return [];
  });
  return {
    rows,
    ratios: ratiosOf(
      rows,
      samples.filter((sample) => sample.kind === "copy"),
    ),
  };
}

function moveRow(variant: Extract<Variant, { kind: "move" }>, moves: readonly MoveSample[]): Row {
  const { id, rttMs, load, encryption } = variant;
  const onTrip = (trip: MoveSample["trip"]) => moves.filter((move) => move.trip === trip);
  const [first, back] = [onTrip("first"), onTrip("return")];
  const split = splitOf(moves.flatMap((move) => move.split ?? []));
  return {
    ...{ variant: id, rttMs, load, encryption, n: moves.length },
    blackoutMs: statisticsOf(moves.map((move) => move.blackoutMs)),
    ...noticedIn(moves),
    wholeMove: noticedIn(moves.map((move) => move.wholeMove)),
    totalMs: median(moves.map((move) => move.totalMs)),
    memoryBytes: median(moves.map((move) => move.memoryBytes)),
    ...(first.length > 0 ? { diskBytes: median(first.map((move) => move.diskBytes)) } : {}),
    ...(back.length > 0 ? { returnDiskBytes: median(back.map((move) => move.diskBytes)) } : {}),
    ...(split ? { split } : {}),
  };
}

function virshRow({ id, rttMs, load }: Extract<Variant, { kind: "virsh" }>, taken: readonly VirshSample[]): Row {
  return {
    ...{ variant: id, rttMs, load, n: taken.length },
    blackoutMs: statisticsOf(taken.map((one) => one.blackoutMs)),
    totalMs: median(taken.map((one) => one.totalMs)),
  };
}

function noticedIn(all: readonly MoveSample["wholeMove"][]): Noticed {
  return {
    streamGapMs: statisticsOf(all.map((one) => one.streamGapMs)),
    pingGapMs: statisticsOf(all.map((one) => one.pingGapMs)),
    lostPings: statisticsOf(all.map((one) => one.lostPings)),
  };
}

function splitOf(splits: readonly Split[]): Split | undefined {
  if (splits.length === 0) return undefined;
  const part = (name: keyof Split) => median(splits.map((split) => split[name]));
  return {
    ...{ controlMs: part("controlMs"), lastMemoryMs: part("lastMemoryMs"), flightMs: part("flightMs") },
    ...{ destinationMs: part("destinationMs"), turnMs: part("turnMs") },
  };
}

function ratiosOf(rows: readonly Row[], copies: readonly CopySample[]): Ratios {
  const ours = rows.filter(({ encryption }) => encryption !== undefined);
  const beside = (row: Row, isOther: (other: Row) => boolean) =>
    ratio(row.blackoutMs.median, rows.find(isOther)?.blackoutMs.median);
  const [far, near] = ROUND_TRIPS_MS;
  return {
    blackoutToFloor: collect(ours, (row) => [row.variant, ratio(row.blackoutMs.median, row.rttMs / 2)]),
    wanToLan: collect(
      ours.filter(({ rttMs }) => rttMs === far),
      (row) => [
        `${row.load} ${row.encryption}`,
        beside(row, (one) => one.rttMs === near && one.load === row.load && one.encryption === row.encryption),
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
    returnToFirstDiskBytes: collect(ours, (row) => [row.variant, ratio(row.returnDiskBytes, row.diskBytes)]),
    copyToStream: Object.fromEntries(
      [...new Set(copies.map(({ variant }) => variant))].flatMap((variant) => {
        const own = copies.filter((copy) => copy.variant === variant);
        const toStream = (of: (copy: CopySample) => number) =>
          hundredths(median(own.map((copy) => (100 * of(copy)) / copy.streamMBps)) / 100);
        return [
          [`${variant}, disk`, toStream(({ diskMBps }) => diskMBps)],
          [`${variant}, memory`, toStream(({ memoryMBps }) => memoryMBps)],
        ];
      }),
    ),
  };
}

function collect(rows: readonly Row[], entry: (row: Row) => readonly [string, number | undefined]): Ratio {
  const known = rows.map(entry).flatMap(([name, value]) => (value === undefined ? [] : [[name, value] as const]));
  return Object.fromEntries(known);
}

/** Undefined unless both are known. */
function ratio(one: number | undefined, other: number | undefined): number | undefined {
  return one === undefined || other === undefined || other === 0 ? undefined : hundredths(one / other);
}

const median = (values: readonly number[]): number => statisticsOf(values).median;
const hundredths = (value: number): number => Math.round(value * 100) / 100;
