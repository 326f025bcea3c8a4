import { z } from "zod";
import { type Probe, startProbe } from "./report.ts";

const frameReport = z.object({
  /** Frames that left in the range; a frame counts once for each device it leaves by. */
  count: z.int(),
  /** False if `count` may be too low: the range begins before what is remembered (200,000 frames), or the kernel dropped some of it. */
  complete: z.boolean(),
  /** The last 1000 of the range, oldest first. */
  frames: z.array(z.object({ atMs: z.number(), device: z.string() })),
  /** By device, since the start. */
  devices: z.record(
    z.string(),
    z.object({ count: z.int(), firstAtMs: z.number().nullable(), lastAtMs: z.number().nullable() }),
  ),
});

export type FrameReport = z.output<typeof frameReport>;

/**
 * Watches, on all devices that a namespace has or gets, for frames with a source MAC that leave: in a site's
 * namespace, what its bridge sends on from the guest. Times are the kernel's, of the moment the frame left.
 */
export function watchFrames(namespace: string, mac: string): Promise<Probe<FrameReport>> {
  return startProbe(namespace, "frames.py", [mac], frameReport);
}
