import type { SendRequest } from "../hypervisor.ts";
import { files } from "./files.ts";
import { receivingLayer } from "./mirror.ts";

const TIMEOUT_MS = 600_000;

/** What has arrived of the disks goes to the destination's own disk ahead of the pilot's flush, during which no guest runs. */
export async function writeDown({ destination, vm, arrival }: SendRequest): Promise<void> {
  const at = files(destination.directory);
  const paths = vm.disks.map(({ name }) => at.disk(name, receivingLayer(arrival)));
  await destination.host.run(["sync", ...paths], { timeoutMs: TIMEOUT_MS });
}
