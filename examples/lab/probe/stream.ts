import { z } from "zod";
import { gap, type Probe, startProbe } from "./report.ts";

const STREAM_PORT = 5001;

const streamReport = z.object({
  /** The connection was never ended by either side, and a sample came within the last 5 s. It is never made again. */
  survived: z.boolean(),
  ended: z.object({ atMs: z.number(), reason: z.string() }).nullable(),
  connectedAtMs: z.number(),
  lastArrivalAtMs: z.number(),
  /** Samples since the start, one a millisecond. */
  samples: z.int(),
  firstSequence: z.int().nullable(),
  /** Samples whose number does not follow the one before, since the start: 0 if the stream is whole. */
  holeCount: z.int(),
  /** The first 100 of them. */
  holes: z.array(z.object({ atMs: z.number(), expected: z.int(), found: z.int() })),
  /** The ten longest times without a sample that overlap the range, longest first, from 10 ms on. */
  gaps: z.array(gap),
});

export type StreamReport = z.output<typeof streamReport>;

/**
 * Opens the guest's stream of samples from a namespace and reads it on that one TCP connection until stopped.
 *
 * @param connectSeconds how long to try to connect
 * @throws TurntableError `host.command-failed` if there is no connection by then
 */
export function startStream(namespace: string, address: string, connectSeconds = 20): Promise<Probe<StreamReport>> {
  return startProbe(namespace, "stream.py", [address, String(STREAM_PORT), String(connectSeconds)], streamReport);
}
