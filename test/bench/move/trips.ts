import { moveTo } from "../../../examples/lab/demo/turn.ts";
import { Watch, type WatchedMove } from "../../../examples/lab/demo/watch.ts";
import type { BenchLab } from "./lab.ts";
import type { MoveSample } from "./samples.ts";
import { splitOf } from "./split.ts";
import { LOADS, type MoveVariant } from "./variants.ts";

const TRIPS = [
  { trip: "first", to: "san" },
  { trip: "return", to: "ams" },
] as const;

/** A new VM goes to san, and back if two samples are wanted, under a variant's conditions and with everyone watching. */
export async function measureTrips(
  { inventory, pulumi }: Pick<BenchLab, "inventory" | "pulumi">,
  variant: MoveVariant,
  wanted: 1 | 2,
): Promise<MoveSample[]> {
  await pulumi.run("config", "set", "encryption", variant.encryption);
  await pulumi.run("config", "set", "mode", variant.kind === "suspended" ? "suspended" : "live");
  await pulumi.run("config", "set", "site", "ams");
  await pulumi.run("up", "--yes", "--skip-preview");
  const samples: MoveSample[] = [];
  const watch = await Watch.begin(inventory);
  try {
    await watch.guest.load(LOADS[variant.load]);
    for (const { trip, to } of TRIPS.slice(0, wanted)) {
      samples.push(sampleOf(variant.id, trip, await watch.during(() => moveTo(pulumi, to))));
    }
    // Rejects unless all that the guest was given and wrote is as it was.
    await watch.guest.verify();
  } finally {
    await watch.stop();
  }
  await pulumi.run("destroy", "--yes", "--skip-preview");
  await pulumi.run("config", "set", "mode", "live");
  return samples;
}

function sampleOf(variant: string, trip: MoveSample["trip"], move: WatchedMove): MoveSample {
  const { switchover, beforeStop, record } = move;
  if (!switchover || !beforeStop)
    throw new Error(`${variant}: the move's record does not tell when its switchover was`);
  const split = splitOf(record);
  return {
    ...{ kind: "move", variant, trip, blackoutMs: move.downtimeMs.blackout },
    ...{ streamGapMs: switchover.streamMs, pingGapMs: switchover.pingMs, lostPings: switchover.lostPings },
    wholeMove: {
      ...{ streamGapMs: move.downtimeMs.stream, pingGapMs: move.downtimeMs.ping, lostPings: move.lostPings },
    },
    beforeStop: { streamGapMs: beforeStop.streamMs, pingGapMs: beforeStop.pingMs },
    ...{ totalMs: move.totalMs, memoryBytes: move.memoryBytes, diskBytes: move.diskBytes },
    ...(move.writeP99Ms === undefined ? {} : { writeP99Ms: move.writeP99Ms }),
    ...(split ? { split } : {}),
    faults: [...move.faults],
  };
}
