import { z } from "zod";
import { type Probe, startProbe } from "./report.ts";

const byteReport = z.object({
  /** What had been sent by then, all devices together, ten times a second; oldest first. */
  notes: z.array(z.object({ atMs: z.number(), sentBytes: z.number() })),
});

export type ByteReport = z.output<typeof byteReport>;

/** Watches how much the devices of a namespace whose names begin with `prefix` send, headers included. */
export function watchBytes(namespace: string, prefix: string): Promise<Probe<ByteReport>> {
  return startProbe(namespace, "bytes.py", [prefix], byteReport);
}
