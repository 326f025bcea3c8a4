import type { Refusal } from "../../aaa/wire.ts";
import type { Accounts } from "./ledger.ts";

/** Refusals of one kind to one caller within this time are one record: a flood fills no disk. */
const TOGETHER_MS = 60_000;
/** Of the same kind, but for different reasons at once: more than that are counted by their kind alone. */
const MOST_REASONS = 60;
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
    const key = this.#keyFor(refused);
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

  /** The most telling one of which there are not too many. */
  #keyFor({ caller, asked, refusal: { error, domain, reason } }: Refused): string {
    const kind = JSON.stringify([caller, asked, error, domain]);
    const exact = JSON.stringify([kind, reason]);
    const known = this.#further;
    if (known.has(exact) || known.size < MOST_REASONS) return exact;
    return known.has(kind) || known.size < MOST_KINDS ? kind : "";
  }

  #write({ caller, asked, refusal: { error, domain, reason } }: Refused, count: number): void {
    const why = reason.slice(0, LONGEST_REASON);
    this.#accounts.note({ event: "refusal", caller, asked, error, by: domain, reason: why, count });
  }
}
