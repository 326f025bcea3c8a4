import { reasonOf } from "../errors.ts";
import type { Progress } from "../hypervisor/hypervisor.ts";
import type { LitPath } from "./light.ts";
import { requireTime } from "./prediction.ts";

/** What a copy may take beyond its prediction, and the switchover behind it. */
const RESERVE_MS = 30_000;

type Timed = Pick<LitPath, "endsAt" | "extend">;

/** A copy that needed longer than was predicted may need as long again. */
const until = (predictedMs: number): number => Date.now() + 2 * predictedMs + RESERVE_MS;

/**
 * The lease rule on a path: a reservation that would end before a stage is predicted to is extended before the stage
 * begins. Rejects with move.failed, with both times and why it was not, if it cannot be.
 */
export async function haveTime(stage: string, predictedMs: number, path: Timed, tell: (line: string) => void) {
  const { endsAt } = path;
  if (endsAt === undefined || Date.now() + predictedMs <= Date.parse(endsAt)) return;
  try {
    await path.extend(until(predictedMs));
    tell(`the reservation is extended to ${path.endsAt}`);
  } catch (thrown) {
    const { next } = thrown instanceof Error && "next" in thrown ? thrown : { next: undefined };
    const refused = reasonOf(thrown).replace(String(next), "").trim();
    const told = typeof next === "string" ? { next } : {};
    requireTime(stage, predictedMs, { what: "the reservation", end: endsAt, refused, ...told });
  }
}

/** Sees to it, at each look at a running copy, that the reservation lasts longer than the copy will. What cannot be is told once. */
export function timeKeeper(path: Timed, tell: (line: string) => void): (progress: Progress) => void {
  let busy = false;
  return ({ doneBytes, totalBytes, bytesPerSecond }) => {
    if (busy || path.endsAt === undefined || bytesPerSecond <= 0) return;
    const leftMs = RESERVE_MS + (1_000 * (totalBytes - doneBytes)) / bytesPerSecond;
    if (Date.now() + leftMs <= Date.parse(path.endsAt)) return;
    busy = true;
    void path.extend(until(leftMs)).then(
      () => {
        busy = false;
        tell(`the reservation is extended to ${path.endsAt}`);
      },
      (thrown) => tell(`the reservation ends at ${path.endsAt}, and is not extended: ${reasonOf(thrown)}`),
    );
  };
}
