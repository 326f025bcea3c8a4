import { TurntableError } from "../errors.ts";
import type { VmSpec } from "../hypervisor/vm-spec.ts";
import type { End } from "./move.ts";

/** Connections, handshakes and TCP's first seconds, beside the bytes themselves. */
const OVERHEAD_MS = 6_000;
/** Reserving and lighting a path: measured at 0.7 s with three domains; one that is slow to answer takes seconds. */
export const LIGHT_MS = 5_000;

/** How long a copy of so many bytes takes over a path of that rate. */
export function copyMs(bytes: number, bandwidthMbps: number): number {
  return OVERHEAD_MS + (bytes * 8) / (bandwidthMbps * 1e3);
}

/** What moves at most, memory and disks, for a VM that is at this place. */
export async function bytesToMove(end: Pick<End, "host" | "place">, vm: VmSpec): Promise<number> {
  return vm.memoryMiB * 2 ** 20 + (await allocatedBytes(end, vm));
}

/** What the disks' files really take at a place: holes are not sent. */
export async function allocatedBytes(
  { host, place }: Pick<End, "host" | "place">,
  { disks }: Pick<VmSpec, "disks">,
): Promise<number> {
  const paths = disks.map(({ name }) => `${place.directory}/${name}.qcow2`);
  if (paths.length === 0) return 0;
  const { stdout } = await host.run(["stat", "-c", "%b %B", "--", ...paths]);
  return stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number))
    .reduce((sum, [blocks = 0, size = 0]) => sum + blocks * size, 0);
}

/** The lease rule: no stage begins whose predicted end lies beyond that of the right to it. Throws move.failed, with both. */
export function requireTime(
  stage: string,
  predictedMs: number,
  right: { readonly what: string; readonly end: string },
) {
  const until = Date.now() + predictedMs;
  if (until <= Date.parse(right.end)) return;
  const at = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const why = `${stage} would take about ${Math.ceil(predictedMs / 1_000)} s, until ${at(until)}, but ${right.what} ends at ${at(Date.parse(right.end))}`;
  throw new TurntableError("move.failed", why, {
    retry: "safe",
    next: "Declare a later window, or a path of more bandwidth.",
  });
}
