import { createHash } from "node:crypto";
import { type CompactJWSHeaderParameters, CompactSign, type CryptoKey, compactVerify } from "jose";
import { ALGORITHM } from "../../aaa/keys.ts";
import { reasonOf } from "../../errors.ts";
import { type Entry, entry, RECORD_TYPE } from "./entry.ts";

const sha256 = (text: string): string => createHash("sha256").update(text).digest("hex");

/** What the record after this one calls `previous`. */
export const linkTo = (record: string | undefined): string => sha256(record ?? "");

/** What a domain seals with; `kid` names it in the record. */
export interface SealingKey {
  readonly key: CryptoKey;
  readonly kid: string;
}

/** A domain's key of that name; without one, its only key or its first. Undefined if it never had such. */
export type KeyNamed = (kid: string | undefined) => Promise<CryptoKey | undefined>;

/** One record: the entry as a compact JWS (RFC 7515), whose payload is the very text that is signed. */
export async function seal(content: Entry, { key, kid }: SealingKey): Promise<string> {
  return await new CompactSign(new TextEncoder().encode(JSON.stringify(content)))
    .setProtectedHeader({ alg: ALGORITHM, typ: RECORD_TYPE, kid })
    .sign(key);
}

/** The entry of a record, if one of the domain's keys signed it. Rejects with the reason. */
export async function unseal(record: string, keyNamed: KeyNamed): Promise<Entry> {
  const named = async ({ kid }: CompactJWSHeaderParameters) => {
    const key = await keyNamed(kid);
    if (key === undefined) throw new Error(`there is no key ${kid}`);
    return key;
  };
  const { payload, protectedHeader } = await compactVerify(record, named, { algorithms: [ALGORITHM] });
  if (protectedHeader.typ !== RECORD_TYPE) throw new Error("it is signed as something else");
  return entry.parse(JSON.parse(new TextDecoder().decode(payload)));
}

/** What is wrong with a ledger, and the entries that can be believed. */
export interface Verified {
  readonly entries: readonly Entry[];
  /** One sentence each; empty if nothing was removed, altered, added or put elsewhere. */
  readonly faults: readonly string[];
}

/**
 * Follows a domain's records from the first to the last. What is missing at the very end leaves no gap: that shows
 * only beside another domain's ledger, or beside the number of records that was told before.
 */
export async function verifyChain(domain: string, records: readonly string[], keyNamed: KeyNamed): Promise<Verified> {
  const entries: Entry[] = [];
  const faults: string[] = [];
  let expected = 1;
  let before: string | undefined;
  for (const [index, record] of records.entries()) {
    const found = await unseal(record, keyNamed).catch((thrown: unknown) => reasonOf(thrown));
    if (typeof found === "string") {
      faults.push(`record ${expected} of ${domain} is not what ${domain} signed: ${found}`);
    } else {
      if (found.domain !== domain) faults.push(`record ${found.sequence} is of ${found.domain}, not of ${domain}`);
      if (found.sequence !== expected) faults.push(gap(domain, expected, found.sequence));
      // After a gap there is nothing to compare with.
      else if (found.previous !== linkTo(before)) {
        faults.push(`record ${found.sequence} of ${domain} does not follow the one before it, which was altered`);
      }
      entries.push(found);
    }
    expected = (typeof found === "string" ? expected : found.sequence) + 1;
    before = records[index];
  }
  return { entries, faults };
}

function gap(domain: string, expected: number, found: number): string {
  if (found < expected) return `record ${found} of ${domain} stands after record ${expected - 1}`;
  const last = found - 1;
  return last === expected
    ? `record ${expected} of ${domain} was removed`
    : `records ${expected} to ${last} of ${domain} were removed`;
}
