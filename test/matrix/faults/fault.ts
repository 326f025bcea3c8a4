import type { Moment } from "../moments.ts";
import type { Mend, Scene, Setting } from "../scene.ts";

/** One way in which a move is broken. */
export interface Fault {
  /** Before the move begins, where the fault is one that was there all along or is set for later. */
  prepare?(setting: Setting, moment: Moment): Promise<Mend>;
  /** Resolves when a fault that comes with time has come; a copy, slowed down, goes on meanwhile. */
  overdue?(setting: Setting): Promise<void>;
  /** Moments before which it has struck already: the move does not come that far. */
  early?: readonly Moment[];
  /** At the moment; resolves with what an operator does about it once the move has ended, or what comes by itself. */
  inject(scene: Scene, moment: Moment): Promise<Mend>;
  /** Why it cannot happen at a moment: a sentence, which the table shows. */
  impossible?: Partial<Record<Moment, string>>;
  /** Whether it cuts the destination off from whoever asks it who has the VM: only then may a VM stay paused. */
  silencesDestination?: true;
}
