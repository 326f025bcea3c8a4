import { z } from "zod";
import { moveRecord } from "../controller/placement.ts";

const durationMs = z.number().nonnegative();

/** What was seen from beside the VM while it moved. Gaps are the largest of the whole move. */
export const observation = z.strictObject({
  /** By the guest's own clock loop. */
  guestMs: durationMs,
  /** Between two samples of a TCP stream at a client. */
  streamMs: durationMs,
  /** Between two replies to a ping every 50 ms. */
  pingMs: durationMs,
  lostPings: z.int().nonnegative(),
  /** The stream's largest gap, on the clock of the record's `stopAtMs`. */
  streamGap: z.strictObject({ startAtMs: z.number(), lengthMs: durationMs }).optional(),
  /** Between the sites. */
  rttMs: durationMs,
});

/** What a report is made of: the file that `turntable report --input` reads. */
export const reportInput = z.strictObject({
  schema: z.literal(1),
  /** Name of the VM, where it is known. */
  vm: z.string().min(1).optional(),
  move: moveRecord,
  observed: observation.optional(),
});

export type Observation = z.output<typeof observation>;
export type ReportInput = z.output<typeof reportInput>;
