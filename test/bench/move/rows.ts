import type { MoveSample, Sample, Split, VirshSample } from "./samples.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import {
  type Encryption,
  type LoadName,
  type MoveVariant,
  ROUND_TRIPS_MS,
  type Variant,
  variantsAt,
} from "./variants.ts";

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
  /** The VM stood still for the copy of its memory. */
  readonly suspended?: true;
  /** To each of those whom a controller far from all of them talks to. */
  readonly controllerRttMs?: number;
  readonly n: number;
  readonly blackoutMs: Statistics;
  /** The gaps above are those at the switchover; these the largest from before the first command to after the last. */
  readonly wholeMove?: Noticed;
  /** The largest from before the first command to the source's STOP; absent if no move tells. */
  readonly beforeStop?: Pick<Noticed, "streamGapMs" | "pingGapMs">;
  /** Medians. */
  readonly totalMs: number;
  readonly memoryBytes?: number;
  /** Of the first trip, which takes the whole disk; absent if there was none. */
  readonly diskBytes?: number;
  /** Of the return onto the replica. */
  readonly returnDiskBytes?: number;
  /** 99 of 100 of the guest's disk writes took no longer; absent if no move had any. */
  readonly writeP99Ms?: number;
  readonly split?: Split;
}

/** Of the package's own moves, live, the controller beside the hosts: what the other ways are compared with. */
export const isPlain = ({ encryption, suspended, controllerRttMs }: Row): boolean =>
  encryption !== undefined && suspended === undefined && controllerRttMs === undefined;

const VARIANTS: readonly Variant[] = ROUND_TRIPS_MS.flatMap(variantsAt);

/** One for each variant of which there are samples; a copy has none, it tells of rates. */
export function rowsOf(samples: readonly Sample[]): readonly Row[] {
  return VARIANTS.flatMap((variant): Row[] => {
    const own = samples.filter((sample) => sample.variant === variant.id);
    const moves = own.filter((sample) => sample.kind === "move");
    const migrations = own.filter((sample) => sample.kind === "virsh");
    const moved = variant.kind === "move" || variant.kind === "suspended";
    if (moved && moves.length > 0) return [moveRow(variant, moves)];
    if (variant.kind === "virsh" && migrations.length > 0) return [virshRow(variant, migrations)];
    return [];
  });
}

function moveRow(variant: MoveVariant, moves: readonly MoveSample[]): Row {
  const { kind, id, rttMs, load, encryption, controllerRttMs } = variant;
  const onTrip = (trip: MoveSample["trip"]) => moves.filter((move) => move.trip === trip);
  const [first, back] = [onTrip("first"), onTrip("return")];
  const split = splitOf(moves.flatMap((move) => move.split ?? []));
  const writes = moves.flatMap((move) => move.writeP99Ms ?? []);
  const before = moves.flatMap((move) => move.beforeStop ?? []);
  return {
    ...{ variant: id, rttMs, load, encryption, n: moves.length },
    ...(kind === "suspended" ? { suspended: true } : {}),
    ...(controllerRttMs === undefined ? {} : { controllerRttMs }),
    blackoutMs: statisticsOf(moves.map((move) => move.blackoutMs)),
    ...noticedIn(moves),
    wholeMove: noticedIn(moves.map((move) => move.wholeMove)),
    ...(before.length > 0 ? { beforeStop: gapsIn(before) } : {}),
    totalMs: median(moves.map((move) => move.totalMs)),
    memoryBytes: median(moves.map((move) => move.memoryBytes)),
    ...(first.length > 0 ? { diskBytes: median(first.map((move) => move.diskBytes)) } : {}),
    ...(back.length > 0 ? { returnDiskBytes: median(back.map((move) => move.diskBytes)) } : {}),
    ...(writes.length > 0 ? { writeP99Ms: median(writes) } : {}),
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
  return { ...gapsIn(all), lostPings: statisticsOf(all.map((one) => one.lostPings)) };
}

function gapsIn(all: readonly NonNullable<MoveSample["beforeStop"]>[]): NonNullable<Row["beforeStop"]> {
  return {
    streamGapMs: statisticsOf(all.map((one) => one.streamGapMs)),
    pingGapMs: statisticsOf(all.map((one) => one.pingGapMs)),
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

const median = (values: readonly number[]): number => statisticsOf(values).median;
