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
  /**
   * After `migrate-continue` nobody at the destination can be asked: the VM stands still until somebody can. A VM whose
   * own disk is full is stopped by its hypervisor, whether or not it has just moved.
   */
  readonly mayPause: boolean;
}

export function allowanceOf({ fault, moment }: Cell): Allowance {
  const atDestination = HELD_BY_DESTINATION.includes(moment);
  // A hypervisor that gets no more memory ends itself when it next asks for some, which may be once it holds the VM.
  const late = fault === "destination memory short" && moment !== "before copy";
  const mayDie = late || (atDestination ? KILL_DESTINATION.includes(fault) : fault === "source QEMU killed");
  // What is broken just before is still broken when the migration was continued.
  const silent = SWITCHING_OVER.includes(moment) && faultNamed(fault).silencesDestination === true;
  const mayPause = silent || (atDestination && fault === "destination disk full");
  return { mayDie, mayPause };
}
