import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Permit } from "./authorize.ts";
import type { Journal } from "./journal.ts";
import type { LitPath } from "./light.ts";
import { type Move, shelfOf } from "./move.ts";

/**
 * The old site's disks, which were not touched until the new ones were flushed, become its replica or go; then the path
 * is given back, and a grant asked for this move alone. In this order a domain that is silent leaves no second copy.
 */
export async function release(
  move: Move,
  path: LitPath,
  permit: Permit | undefined,
  hypervisor: Hypervisor,
  journal: Journal,
): Promise<void> {
  const { from, to, vm, id, replicas } = move;
  journal.leave(shelfOf(from));
  if (replicas === "keep") await hypervisor.retire(from.place, vm, id);
  else await hypervisor.remove(from.place, vm.name);
  await path.putOut();
  await permit?.giveBack();
  await hypervisor.settleDisks(to.place, vm);
}
