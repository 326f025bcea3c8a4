import type { SendRequest } from "../hypervisor.ts";
import { receivedFiles } from "./mirror.ts";

const TIMEOUT_MS = 600_000;

/** What has arrived of the disks goes to the destination's own disk ahead of the pilot's flush, during which no guest runs. */
export async function writeDown({ destination, vm, arrival }: SendRequest): Promise<void> {
  await destination.host.run(["sync", ...receivedFiles(destination, vm, arrival)], { timeoutMs: TIMEOUT_MS });
}
