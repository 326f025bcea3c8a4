import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { currentMove } from "../../correlation.ts";
import { linkTo, type SealingKey, seal } from "./chain.ts";
import { entry, type Fact, fact } from "./entry.ts";

const noted = z.object({ sequence: z.number(), body: z.string() });
const sealed = z.object({ record: z.string() });
/** What a fact is kept as until it has its place in the chain. */
const unsealed = entry.omit({ sequence: true, previous: true });

/** Where facts are accounted for. */
export interface Accounts {
  /** On disk when it returns; signed a moment later. */
  note(fact: Fact): void;
}

/** The key that signs records, as it is at the time. */
interface Signing {
  readonly current: SealingKey;
}

export interface LedgerParts {
  readonly domain: string;
  readonly database: DatabaseSync;
  readonly keys: Signing;
  /** Told if records cannot be signed or written; they are tried again with the next one. */
  failed(thrown: unknown): void;
}

/**
 * A domain's own account of what it agreed to, refused and did: signed records, each of which holds the digest of the
 * one before it, so that none can be altered or taken out unseen. Facts are noted as they happen and sealed in their
 * order right after; those which a crash left unsealed are sealed at the next start.
 */
export class Ledger implements Accounts {
  readonly #parts: LedgerParts;
  #sealing: Promise<void>;

  constructor(parts: LedgerParts) {
    this.#parts = parts;
    this.#sealing = this.#seal();
  }

  note(noted: Fact): void {
    const { domain, database } = this.#parts;
    const move = currentMove();
    const at = new Date().toISOString();
    const body = { at, domain, ...(move === undefined ? {} : { move }), fact: fact.parse(noted) };
    database.prepare("INSERT INTO accounts (body) VALUES (?)").run(JSON.stringify(body));
    this.#sealing = this.#sealing.then(() => this.#seal());
  }

  /** Resolves when everything noted so far is sealed, or was told to have failed. */
  async settled(): Promise<void> {
    await this.#sealing;
  }

  async #seal(): Promise<void> {
    try {
      for (let next = this.#firstUnsealed(); next !== undefined; next = this.#firstUnsealed())
        await this.#sealOne(next);
    } catch (thrown) {
      this.#parts.failed(thrown);
    }
  }

  async #sealOne({ sequence, body }: z.output<typeof noted>): Promise<void> {
    const { database, keys } = this.#parts;
    const previous = linkTo(this.#recordAt(sequence - 1));
    const record = await seal({ sequence, previous, ...unsealed.parse(JSON.parse(body)) }, keys.current);
    database.prepare("UPDATE accounts SET record = ?, body = '' WHERE sequence = ?").run(record, sequence);
  }

  #firstUnsealed(): z.output<typeof noted> | undefined {
    const select = "SELECT sequence, body FROM accounts WHERE record IS NULL ORDER BY sequence LIMIT 1";
    const found = this.#parts.database.prepare(select).get();
    return found === undefined ? undefined : noted.parse(found);
  }

  #recordAt(sequence: number): string | undefined {
    const found = this.#parts.database.prepare("SELECT record FROM accounts WHERE sequence = ?").get(sequence);
    return found === undefined ? undefined : sealed.parse(found).record;
  }
}

/** Every sealed record of a store, in order. */
export function recordsIn(database: DatabaseSync): readonly string[] {
  const select = "SELECT record FROM accounts WHERE record IS NOT NULL ORDER BY sequence";
  return z
    .array(sealed)
    .parse(database.prepare(select).all())
    .map(({ record }) => record);
}
