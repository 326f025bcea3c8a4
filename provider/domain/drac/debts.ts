import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import type { Serial } from "../serial.ts";
import { asOfNow } from "./as-of-now.ts";
import type { Modifications } from "./modifications.ts";
import type { ConnectionStore } from "./stored/connections.ts";
import type { Unison } from "./unison.ts";

export interface DebtParts {
  readonly store: ConnectionStore;
  readonly unison: Unison;
  readonly modifications: Modifications;
  /** One thing at a time is done about a connection: the coordinator's own turns. */
  readonly turns: Serial;
  readonly log: Logger;
}

/** What a coordinator sees to by itself, though no client asks: what has ended, and what a domain still owes. */
export class Debts {
  readonly #parts: DebtParts;

  constructor(parts: DebtParts) {
    this.#parts = parts;
  }

  /** After a restart: what was half done is undone, never completed without its client. */
  async recover(): Promise<void> {
    const { store } = this.#parts;
    await store.replaceIntent("commit", "terminate");
    await store.replaceIntent("provision", "release");
  }

  /** Notes what has ended, and tries again what a silent domain still owes; one that is silent keeps no other waiting. */
  async settle(): Promise<void> {
    const { store, turns, log } = this.#parts;
    const ids = (await store.open()).map(({ connection }) => connection.connectionId);
    const settled = ids.map(async (id) => {
      try {
        // In its turn, and looked up then: its client may be about to commit or to end it.
        await turns.run(id, () => this.#settle(id));
      } catch (thrown) {
        log.warn({ connection: id, reason: reasonOf(thrown) }, "a domain still owes this");
      }
    });
    await Promise.all(settled);
  }

  async #settle(id: string): Promise<void> {
    const { store, unison, modifications } = this.#parts;
    const found = await store.find(id);
    if (found === undefined) return;
    const { connection, intent } = found;
    const { state } = asOfNow(found);
    // At a window's end every domain ends it for itself; a hold that ran out may have been committed somewhere before.
    if (state === "terminated" || (intent === undefined && state !== connection.state)) {
      await store.setState(id, state);
    } else if (intent === "release" || intent === "terminate") {
      await unison.everywhere(connection, intent, undefined, (part) => part[intent](id));
    }
    const live = state === "reserved" || state === "provisioned";
    if (live && intent !== "terminate") await modifications.settle(connection);
  }
}
