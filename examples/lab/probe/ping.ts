import { z } from "zod";
import { gap, type Probe, startProbe } from "./report.ts";

const pingReport = z.object({
  /** Echo requests sent in the range, one every 50 ms. */
  sent: z.int(),
  answered: z.int(),
  /** Requests of the range without an answer that have waited for more than 1 s: ask 1 s after its end. */
  lost: z.int(),
  lastReplyAtMs: z.number(),
  /** The ten longest times without a reply that overlap the range, longest first, from 50 ms on. */
  gaps: z.array(gap),
});

export type PingReport = z.output<typeof pingReport>;

/** Pings an address from a namespace every 50 ms until stopped, whether or not it answers. */
export function startPing(namespace: string, address: string): Promise<Probe<PingReport>> {
  return startProbe(namespace, "ping.py", [address], pingReport);
}
