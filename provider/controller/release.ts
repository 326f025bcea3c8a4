import type { Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Permit } from "./authorize.ts";
import type { Journal } from "./journal.ts";
import type { LitPath } from "./light.ts";
import { type Move, shelfOf } from "./move.ts";

/** Gives everything back: the old site's copy (the new one is flushed), the path, and a grant asked for this move alone. */
export async function release(
  move: Move,
  path: LitPath,
  permit: Permit | undefined,
  hypervisor: Hypervisor,
  journal: Journal,
): Promise<void> {
  journal.leave(shelfOf(move.from));
  await hypervisor.remove(move.from.place, move.vm.name);
  await path.putOut();
  await permit?.giveBack();
}
