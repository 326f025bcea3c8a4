import type { FaultName } from "./faults/index.ts";
import type { Moment } from "./moments.ts";
import type { Result } from "./result.ts";

/** Whose end, before the migration is continued, costs the VM next to nothing: it goes on where it is. */
const PILOTS: readonly FaultName[] = ["source pilot killed", "destination pilot killed", "pilot channel cut"];
const AT_THE_SOURCE: readonly Moment[] = ["before copy", "disk copy", "memory copy", "before continue"];
const MOST_PAUSE_MS = 1_000;
/** Whatever breaks, the disk's copy is given up before a guest's write has waited for so long. */
const MOST_WRITE_MS = 3_000;

type Seen = Pick<Result, "fault" | "moment" | "heldMs" | "longestPauseMs" | "longestWriteMs">;

/** What took longer than it may, each a sentence. The time for which the test itself held the moment is not counted. */
export function overlong({ fault, moment, heldMs, longestPauseMs = 0, longestWriteMs = 0 }: Seen): readonly string[] {
  const pauseMs = longestPauseMs - heldMs;
  const isBrief = PILOTS.includes(fault) && AT_THE_SOURCE.includes(moment);
  return [
    ...(isBrief && pauseMs > MOST_PAUSE_MS ? [`the VM stood still for ${pauseMs} ms`] : []),
    ...(longestWriteMs > MOST_WRITE_MS ? [`a write of the guest's waited for ${longestWriteMs} ms`] : []),
  ];
}
