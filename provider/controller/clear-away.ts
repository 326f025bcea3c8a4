import type { Context } from "../context.ts";
import type { Remains } from "../hypervisor/hypervisor.ts";
import type { TunnelRecord } from "../tunnel/tunnel.ts";
import type { End } from "./move.ts";

/** Ends a VM, or what a move left of one, at a place: its tunnels' ends, its process, devices and files. What is not there is fine. */
export async function clearAway(
  context: Pick<Context, "hypervisor" | "tunnel">,
  end: End,
  vmName: string,
  tunnels: readonly TunnelRecord[],
  remains: Remains = "nothing",
): Promise<void> {
  for (const record of tunnels) await context.tunnel(record.kind).detach(end.host, record);
  await context.hypervisor(end.record.hypervisor).remove(end.place, vmName, remains);
}
