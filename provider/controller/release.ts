import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Permit } from "./authorize.ts";
import type { Journal } from "./journal.ts";
import type { LitPath } from "./light.ts";
import { type Move, shelfOf } from "./move.ts";

/**
 * Gives the path back, and a grant asked for this move alone. The old site's disks, which were not touched until the
 * new ones were flushed, become its replica or go.
 */
export async function release(
  move: Move,
  path: LitPath,
  permit: Permit | undefined,
  hypervisor: Hypervisor,
  journal: Journal,
): Promise<void> {
  const { from, to, vm, id, replicas } = move;
  await path.putOut();
  await permit?.giveBack();
  journal.leave(shelfOf(from));
  if (replicas === "keep") await hypervisor.retire(from.place, vm, id);
  else await hypervisor.remove(from.place, vm.name);
  await hypervisor.settleDisks(to.place, vm);
}
