import type { Refusal } from "../../aaa/wire.ts";
import type { Accounts } from "./ledger.ts";

/** Refusals of one kind to one caller within this time are one record: a flood fills no disk. */
const TOGETHER_MS = 60_000;
/** Of different kinds at once; whoever makes up more is counted together. */
const MOST_KINDS = 1_000;
const LONGEST_REASON = 1_000;

/** Who asked for what and was refused, and why. */
export interface Refused {
  /** A client's id, a peer's domain, or the address of somebody unknown. */
  readonly caller: string;
  /** Method and route. */
  readonly asked: string;
  readonly refusal: Refusal;
}

/** Accounts for refusals: the first of a kind at once, the others of the same minute together at its end. */
export class Refusals {
  readonly #accounts: Accounts;
  readonly #further = new Map<string, { readonly refused: Refused; count: number; readonly sinceMs: number }>();

  constructor(accounts: Accounts) {
    this.#accounts = accounts;
  }

  note(refused: Refused): void {
    const key = this.#further.size < MOST_KINDS ? kindOf(refused) : "";
    const known = this.#further.get(key);
    if (known !== undefined) {
      known.count += 1;
      return;
    }
    this.#further.set(key, { refused, count: 0, sinceMs: Date.now() });
    this.#write(refused, 1);
  }

  /** Writes what has waited for a minute; with `all`, everything. */
  flush(all = false): void {
    for (const [key, { refused, count, sinceMs }] of this.#further) {
      if (!all && Date.now() - sinceMs < TOGETHER_MS) continue;
      this.#further.delete(key);
      if (count > 0) this.#write(refused, count);
    }
  }

  #write({ caller, asked, refusal: { error, domain, reason } }: Refused, count: number): void {
    const why = reason.slice(0, LONGEST_REASON);
    this.#accounts.note({ event: "refusal", caller, asked, error, by: domain, reason: why, count });
  }
}

const kindOf = ({ caller, asked, refusal }: Refused) => JSON.stringify([caller, asked, refusal.error, refusal.domain]);
