import { STAGES } from "../controller/course.ts";
import type { MoveRecord } from "../controller/placement.ts";

/** A stretch of a move, in ms since it began. */
export interface Stretch {
  readonly name: string;
  readonly fromMs: number;
  readonly toMs: number;
}

/** The stages one after the other, as they were carried out; those that this version does not know come last. */
export function stagesOf({ stages }: MoveRecord): Stretch[] {
  const known: readonly string[] = STAGES;
  const rank = (name: string) => (known.includes(name) ? known.indexOf(name) : known.length);
  let atMs = 0;
  return Object.keys(stages)
    .sort((a, b) => rank(a) - rank(b))
    .map((name) => {
      const fromMs = atMs;
      atMs += stages[name] ?? 0;
      return { name, fromMs, toMs: atMs };
    });
}

/** How `migrate` was spent, and where on the move's clock the guest stopped. */
export interface Migration {
  readonly stopMs: number;
  /** Disk, memory; the latter ends with the stop, or begins with it where the guest was suspended. */
  readonly parts: readonly Stretch[];
}

/**
 * The stages are timed by the controller, the switchover by the hosts. What ties them: the stage ends with the last
 * thing that the source does. Undefined where the source's stop is not on record.
 */
export function migrationOf(move: MoveRecord): Migration | undefined {
  const stage = stagesOf(move).find(({ name }) => name === "migrate");
  if (!stage || move.timelineMs["source STOP"] !== 0) return undefined;
  const lastMs = Math.max(0, ...Object.values(move.timelineMs));
  const stopMs = Math.max(stage.fromMs, stage.toMs - lastMs);
  const beganMs = move.timelineMs["source MIGRATION active"] ?? 0;
  const memoryMs = Math.min(stopMs, Math.max(stage.fromMs, stopMs + beganMs));
  const copiedMs = move.mode === "suspended" ? (move.timelineMs["source MIGRATION pre-switchover"] ?? 0) : 0;
  const parts = [
    { name: "disk", fromMs: stage.fromMs, toMs: memoryMs },
    { name: "memory", fromMs: memoryMs, toMs: stopMs + copiedMs },
  ];
  return { stopMs, parts: parts.filter(({ fromMs, toMs }) => toMs > fromMs) };
}
