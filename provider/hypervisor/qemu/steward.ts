import type { Progress } from "../hypervisor.ts";
import type { Budget, Measure } from "./budget.ts";
import { allowDowntime, throttle } from "./memory.ts";
import type { Qmp } from "./qmp.ts";

/** Carries out what a budget asks for in the course of a copy of memory. */
export class Steward {
  readonly #qmp: Qmp;
  readonly #budget: Budget;
  readonly #tell: (line: string) => void;
  /** Why the move was given up; undefined while it was not. */
  gaveUp: string | undefined;

  constructor(qmp: Qmp, budget: Budget, tell: (line: string) => void) {
    this.#qmp = qmp;
    this.#budget = budget;
    this.#tell = tell;
  }

  /** Call it with each look at the copy. Never rejects: a monitor that is gone is told by whoever waits for the end. */
  async see(progress: Progress): Promise<void> {
    const measure = this.gaveUp === undefined ? this.#budget.see(progress) : undefined;
    if (measure) await this.#take(measure).catch(() => undefined);
  }

  async #take(measure: Measure): Promise<void> {
    switch (measure.kind) {
      case "allow":
        this.#tell(
          `its memory does not get any closer; the last round may take ${measure.downtimeLimitMs} ms of the budget`,
        );
        return await allowDowntime(this.#qmp, measure.downtimeLimitMs);
      case "throttle":
        this.#tell(`its memory does not converge; the guest is slowed down by up to ${measure.percent} %`);
        return await throttle(this.#qmp, measure.percent);
      case "give-up":
        this.gaveUp = measure.reason;
    }
  }
}
