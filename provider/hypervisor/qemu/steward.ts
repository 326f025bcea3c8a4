import { reasonOf } from "../../errors.ts";
import type { More, Progress, SendRequest } from "../hypervisor.ts";
import type { Budget, Measure } from "./budget.ts";
import { allowDowntime, setBandwidth, throttle } from "./memory.ts";
import type { Qmp } from "./qmp.ts";

/** Carries out what a budget asks for in the course of a copy of memory. */
export class Steward {
  readonly #qmp: Qmp;
  readonly #budget: Budget;
  readonly #request: Pick<SendRequest, "onNotice" | "moreBandwidth">;
  #raising = false;
  /** Why the move was given up; undefined while it was not. */
  gaveUp: string | undefined;

  constructor(qmp: Qmp, budget: Budget, request: Pick<SendRequest, "onNotice" | "moreBandwidth">) {
    this.#qmp = qmp;
    this.#budget = budget;
    this.#request = request;
  }

  /** Call it with each look at the copy. Never rejects: a monitor that is gone is told by whoever waits for the end. */
  async see(progress: Progress): Promise<void> {
    if (this.gaveUp !== undefined || this.#raising) return;
    const measure = this.#budget.see(progress);
    if (measure) await this.#take(measure, progress).catch(() => undefined);
  }

  async #take(measure: Measure, progress: Progress): Promise<void> {
    switch (measure.kind) {
      case "allow":
        this.#tell(
          `its memory does not get any closer; the last round may take ${measure.downtimeLimitMs} ms of the budget`,
        );
        return await allowDowntime(this.#qmp, measure.downtimeLimitMs);
      case "raise":
        // Nobody waits for it: the copy may come to its end meanwhile.
        this.#raising = true;
        void this.#raise(progress)
          .catch(() => undefined)
          .finally(() => {
            this.#raising = false;
          });
        return;
      case "throttle":
        this.#tell(`its memory does not converge; the guest is slowed down by up to ${measure.percent} %`);
        return await throttle(this.#qmp, measure.percent);
      case "give-up":
        this.gaveUp = measure.reason;
    }
  }

  async #raise(progress: Progress): Promise<void> {
    this.#tell("its memory does not converge; the path is to carry more");
    const more = await this.#more();
    if ("bandwidthMbps" in more) {
      await setBandwidth(this.#qmp, more.bandwidthMbps);
      this.#tell(`the path carries ${more.bandwidthMbps} Mbps from now on`);
      return;
    }
    this.#tell(`the path carries no more than it does: ${more.refused}`);
    await this.#take(this.#budget.instead(progress), progress);
  }

  async #more(): Promise<More> {
    try {
      return (await this.#request.moreBandwidth?.()) ?? { refused: "nobody can be asked" };
    } catch (thrown) {
      return { refused: reasonOf(thrown) };
    }
  }

  #tell(line: string): void {
    this.#request.onNotice(line);
  }
}
