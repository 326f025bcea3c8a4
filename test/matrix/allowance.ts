import { faultNamed } from "./faults/index.ts";
import type { Moment } from "./moments.ts";
import type { Cell } from "./result.ts";

const HELD_BY_DESTINATION: readonly Moment[] = ["after RESUME", "before release"];
const SWITCHING_OVER: readonly Moment[] = ["before continue", "after continue"];
const KILL_DESTINATION = ["destination QEMU killed", "destination site torn down", "destination memory short"];

/** What a cell may cost: nothing else may stop the VM. */
export interface Allowance {
  /** The hypervisor that holds the VM is made to die. */
  readonly mayDie: boolean;
  /** After `migrate-continue` nobody at the destination can be asked: the VM stands still until somebody can. */
  readonly mayPause: boolean;
}

export function allowanceOf({ fault, moment }: Cell): Allowance {
  const atDestination = HELD_BY_DESTINATION.includes(moment);
  const mayDie = atDestination ? KILL_DESTINATION.includes(fault) : fault === "source QEMU killed";
  // What is broken just before is still broken when the migration was continued.
  const mayPause = SWITCHING_OVER.includes(moment) && faultNamed(fault).silencesDestination === true;
  return { mayDie, mayPause };
}
