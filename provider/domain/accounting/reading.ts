import { readFile } from "node:fs/promises";
import { importPublicKey } from "../../aaa/keys.ts";
import { reasonOf, TurntableError } from "../../errors.ts";
import { KeyStore } from "../keys/key-store.ts";
import { loadConfig } from "../load.ts";
import { openStore } from "../store.ts";
import { type KeyNamed, type Verified, verifyChain } from "./chain.ts";
import { crossCheck } from "./cross-check.ts";
import { type Exported, exportOf, parseExport } from "./export.ts";
import { recordsIn } from "./ledger.ts";
import { lineOf } from "./listing.ts";

/** Which records are to be told. */
export interface Filter {
  readonly vm?: string;
  readonly subject?: string;
  readonly event?: string;
  /** ISO 8601. */
  readonly since?: string;
  readonly json?: true;
}

/** A line for each record of the domain whose configuration this is. Throws input.invalid. */
export async function list(configFile: string, filter: Filter): Promise<readonly string[]> {
  const { domain, records, keyOf } = await ownLedger(configFile);
  const { entries } = await verifyChain(domain, records, keyOf(domain));
  const from = filter.since === undefined ? 0 : Date.parse(filter.since);
  if (Number.isNaN(from)) throw invalid(`${filter.since} is no time`, "Give --since as 2026-11-27T02:00:00Z.");
  return entries
    .filter(({ at, fact }) => Date.parse(at) >= from && (filter.event ?? fact.event) === fact.event)
    .filter(({ fact }) => filter.vm === undefined || ("vm" in fact && fact.vm === filter.vm))
    .filter(({ fact }) => filter.subject === undefined || ("subject" in fact && fact.subject === filter.subject))
    .map((one) => (filter.json ? JSON.stringify(one) : lineOf(one)));
}

/** The lines of an export of the domain whose configuration this is. */
export async function exported(configFile: string): Promise<readonly string[]> {
  return exportOf(await ownLedger(configFile));
}

/** What is wrong with this domain's ledger and its peers' exports, each for itself and beside this one's; then a sum. */
export async function verified(configFile: string, against: readonly string[]) {
  const own = await ownLedger(configFile);
  const ledgers = [await verifiedLedger(own, own.keyOf)];
  for (const file of against) {
    const ledger = parseExport(await read(file), file);
    if (!own.peers.has(ledger.domain))
      throw invalid(`${file} is of ${ledger.domain}, which is no peer`, "Leave it out.");
    ledgers.push(await verifiedLedger(ledger, own.keyOf));
  }
  const [mine, ...others] = ledgers;
  const differences = others.flatMap((other) => (mine === undefined ? [] : crossCheck(mine, other)));
  const faults = [...ledgers.flatMap((one) => one.faults), ...differences];
  const counts = ledgers.map(({ domain, entries }) => `${entries.length} records of ${domain}`).join(", ");
  const sum = `${counts}: ${faults.length === 0 ? "every one stands" : `${faults.length} faults`}`;
  return { lines: [...faults.map((fault) => `FAULT: ${fault}`), sum], faults: faults.length };
}

async function verifiedLedger(
  { domain, records }: Exported,
  keyOf: (domain: string) => KeyNamed,
): Promise<Verified & { domain: string }> {
  return { domain, ...(await verifyChain(domain, records, keyOf(domain))) };
}

/** With every key by which this domain knows, or knew, itself or a peer: a record outlives the key that signed it. */
async function ownLedger(configFile: string) {
  const { config, signing, known } = await loadConfig(configFile);
  const database = openStore(config.store);
  try {
    const { domain } = config;
    const records = recordsIn(database);
    const store = new KeyStore(database);
    const peers = [...known.values()].filter(({ kind }) => kind === "peer");
    const configured = [...signing.keys.map((key) => ({ ...key, id: domain })), ...peers];
    const heard = [domain, ...peers.map(({ id }) => id)].flatMap((id) =>
      store.ever(id).map(({ kid, ...publicJwk }) => ({ id, kid, publicJwk })),
    );
    const all = [...configured, ...heard];
    const keyOf = (of: string): KeyNamed => {
      return async (kid) => {
        const found = all.find((one) => one.id === of && (kid === undefined || one.kid === kid));
        return found && (await importPublicKey(found.publicJwk, of));
      };
    };
    return { domain, records, peers: new Set(peers.map(({ id }) => id)), keyOf };
  } finally {
    database.close();
  }
}

async function read(file: string): Promise<string> {
  return await readFile(file, "utf8").catch((thrown: unknown) => {
    throw invalid(
      `${file} cannot be read: ${reasonOf(thrown)}`,
      "Give a file that `turntable accounting export` made.",
    );
  });
}

function invalid(what: string, next: string): TurntableError {
  return new TurntableError("input.invalid", what, { retry: "never", next });
}
