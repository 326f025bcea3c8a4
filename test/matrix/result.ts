import { z } from "zod";
import { FAULTS, type FaultName } from "./faults/index.ts";
import { MOMENTS } from "./moments.ts";

const faultNames = Object.keys(FAULTS).filter((name): name is FaultName => name in FAULTS);
const place = z.enum(["source", "destination", "nowhere"]);
const ms = z.number().nonnegative();

/** What came of one cell, played once. */
export const result = z.strictObject({
  fault: z.enum(faultNames),
  moment: z.enum(MOMENTS),
  at: z.iso.datetime(),
  /** The commit that was checked out, and the digest of what moves VMs: results hold for as long as that stays the same. */
  commit: z.string(),
  digest: z.string(),
  driver: z.enum(["cli", "direct"]),
  /** Site that the VM left, or was to leave. */
  from: z.enum(["ams", "san"]),
  passed: z.boolean(),
  /** What must not be; each a sentence. */
  failures: z.array(z.string()),
  /** Where the VM ran when the broken move had ended, and after the second `up`. */
  ran: z.enum([...place.options, "paused"]),
  runs: place,
  /** Undefined where the VM died with its hypervisor. */
  tcpSurvived: z.boolean().optional(),
  /** By the guest's own clock; the time for which the test held the moment is part of it. */
  longestPauseMs: ms.optional(),
  longestWriteMs: ms.optional(),
  heldMs: ms,
  pingGapMs: ms.optional(),
  streamGapMs: ms.optional(),
  /** What the broken move left, before the second `up`. */
  left: z.array(z.string()),
  /** How often `up` was called after the broken move, until one came to its end. */
  ups: z.int().positive().default(1),
  /** What the controller said at last. */
  said: z.string(),
  tookMs: ms,
});

export type Result = z.output<typeof result>;
export type Cell = Pick<Result, "fault" | "moment">;

export const FAULT_NAMES: readonly FaultName[] = faultNames;
export const nameOf = ({ fault, moment }: Cell): string => `${fault} × ${moment}`;
