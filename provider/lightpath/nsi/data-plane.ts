import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../errors.ts";
import type { Conversation } from "./conversation.ts";
import type { Reservation } from "./wire/reservation.ts";

/** How long after a path was to be lit, or put out, it may take until it is. */
const PATIENCE_MS = 60_000;
/** A provider may notify, or not (OSCARS): it is looked at too, at first soon. */
const LOOKS_MS = [100, 250, 500, 1_000, 2_000] as const;

/** Waits for frames to pass, or to pass no more: a confirmation of `provision` says nothing of it. */
export class DataPlane {
  readonly #conversation: Conversation;
  readonly #find: (connectionId: string) => Promise<Reservation | undefined>;
  readonly #patienceMs: number;

  constructor(
    conversation: Conversation,
    find: (connectionId: string) => Promise<Reservation | undefined>,
    patienceMs: number = PATIENCE_MS,
  ) {
    this.#conversation = conversation;
    this.#find = find;
    this.#patienceMs = patienceMs;
  }

  /**
   * Does `act`, then resolves as soon as the data plane is as it shall be. An early notification of the opposite is normal
   * where several domains light one after the other. Rejects with lightpath.failed when patience is at its end.
   */
  async until(connectionId: string, active: boolean, act: () => Promise<void>): Promise<void> {
    const notified = Promise.withResolvers<void>();
    const watch = this.#conversation.watch((change) => {
      const { active: now, versionConsistent } = change.dataPlaneStatus;
      if (change.connectionId === connectionId && now === active && (versionConsistent || !active)) notified.resolve();
    });
    const ended = new AbortController();
    try {
      await act();
      await Promise.race([notified.promise, this.#looked(connectionId, active, ended.signal)]);
    } finally {
      watch.stop();
      ended.abort();
    }
  }

  async #looked(connectionId: string, active: boolean, ended: AbortSignal): Promise<void> {
    const untilMs = Date.now() + this.#patienceMs;
    for (let looks = 0; ; looks++) {
      const found = await this.#find(connectionId);
      if (found === undefined ? !active : found.connectionStates.dataPlaneStatus.active === active) return;
      if (Date.now() >= untilMs || ended.aborted) break;
      const pauseMs = LOOKS_MS[Math.min(looks, LOOKS_MS.length - 1)];
      await sleep(Math.min(pauseMs ?? 0, untilMs - Date.now()), undefined, { signal: ended }).catch(() => undefined);
    }
    const state = active ? "not lit" : "still lit";
    throw new TurntableError("lightpath.failed", `${connectionId} is ${state} after ${this.#patienceMs / 1_000} s`, {
      retry: "safe",
      next: "Ask the provider's operator what keeps the data plane from following.",
    });
  }
}
