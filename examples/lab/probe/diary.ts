import { z } from "zod";
import { gap, type Probe, startProbe } from "./report.ts";

const DIARY_PORT = 5004;

const diaryReport = z.object({
  /** The newest record that the guest said was durable, since the start; 0 if none. */
  newest: z.int().nonnegative(),
  heardAtMs: z.number(),
  /** The ten longest times in which no record became durable, or none was heard of, longest first, from 50 ms on. */
  gaps: z.array(gap),
});

export type DiaryReport = z.output<typeof diaryReport>;

/** Hears from a namespace which records of its diary a guest knows to be durable; connects again as often as it must. */
export function listenToDiary(namespace: string, address: string): Promise<Probe<DiaryReport>> {
  return startProbe(namespace, "diary.py", [address, String(DIARY_PORT)], diaryReport);
}
