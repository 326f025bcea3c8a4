import { setTimeout as sleep } from "node:timers/promises";
import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import type { Envelope } from "../../lightpath/nsi/wire/envelope.ts";
import { type Identity, Line } from "../../lightpath/nsi/wire/line.ts";
import type { Requesters } from "./requesters.ts";

const TIMEOUT_MS = 5_000;
/** Between one try and the next. A requester that missed all of them can still query. */
const PAUSES_MS = [500, 2_000, 8_000] as const;

/** Brings answers and notifications to where requesters take them, each requester's in order. */
export class Callbacks {
  readonly #requesters: Requesters;
  readonly #own: Identity;
  readonly #log: Logger;
  readonly #lines = new Map<string, Line>();
  readonly #last = new Map<string, Promise<void>>();
  readonly #ended = new AbortController();

  constructor(requesters: Requesters, own: Identity, log: Logger) {
    this.#requesters = requesters;
    this.#own = own;
    this.#log = log;
  }

  /** Behind what was sent to the same place before. Never fails: what could not be brought is logged. */
  send(to: string, envelope: Envelope): void {
    const before = this.#last.get(to) ?? Promise.resolve();
    const mine = before.then(() => this.#deliver(to, envelope));
    this.#last.set(to, mine);
  }

  async close(): Promise<void> {
    this.#ended.abort();
    await Promise.all(this.#last.values());
    await Promise.all([...this.#lines.values()].map((line) => line.close()));
  }

  async #deliver(to: string, envelope: Envelope): Promise<void> {
    const nsa = envelope.header?.requesterNSA ?? "";
    const { operation } = envelope.message;
    for (const pauseMs of [...PAUSES_MS, undefined]) {
      try {
        const { message } = await this.#lineTo(to, nsa).send(envelope);
        if (message.operation === "soap:Fault") throw new Error(message.content.faultstring);
        return;
      } catch (thrown) {
        const reason = reasonOf(thrown);
        this.#log.warn({ requester: nsa, operation, reason, last: pauseMs === undefined }, "a callback was not taken");
        if (pauseMs === undefined || this.#ended.signal.aborted) return;
        await sleep(pauseMs, undefined, { signal: this.#ended.signal }).catch(() => undefined);
      }
    }
  }

  #lineTo(url: string, nsa: string): Line {
    const known = this.#requesters.named(nsa);
    if (known === undefined) throw new Error(`${nsa} is no requester any more`);
    const key = `${known.fingerprint} ${url}`;
    const line = this.#lines.get(key) ?? new Line({ url, fingerprint: known.fingerprint }, this.#own, TIMEOUT_MS);
    this.#lines.set(key, line);
    return line;
  }
}
