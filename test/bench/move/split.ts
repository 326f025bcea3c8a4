import type { MoveRecord } from "../../../provider/controller/placement.ts";
import type { Split } from "./samples.ts";

/**
 * Where a blackout's time went, by the points that the move left on record; undefined where one of them is missing, and
 * of a VM that was suspended: there it went into the copy of the memory.
 * When the last byte left is not among them: the path's one way is taken off the time from then to its arrival.
 */
export function splitOf({ timelineMs, path, mode }: MoveRecord): Split | undefined {
  if (mode === "suspended") return undefined;
  const leaves = timelineMs["source MIGRATION device"];
  const arrived = timelineMs["destination MIGRATION completed"];
  const runs = timelineMs["destination RESUME"];
  const turned = timelineMs["destination turned"];
  if (leaves === undefined || arrived === undefined || runs === undefined || turned === undefined) return undefined;
  if (path.rttMs === undefined) return undefined;
  const flightMs = path.rttMs / 2;
  return {
    controlMs: leaves,
    lastMemoryMs: tenths(arrived - leaves - flightMs),
    flightMs: tenths(flightMs),
    destinationMs: tenths(runs - arrived),
    turnMs: tenths(turned - runs),
  };
}

const tenths = (ms: number): number => Math.round(ms * 10) / 10;
