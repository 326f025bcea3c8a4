import type { DatabaseSync } from "node:sqlite";
import { generateKeyPair } from "jose";
import { describe, expect, it } from "vitest";
import { seal, verifyChain } from "../../provider/domain/accounting/chain.ts";
import type { Fact } from "../../provider/domain/accounting/entry.ts";
import { Ledger, recordsIn } from "../../provider/domain/accounting/ledger.ts";
import { openStore } from "../../provider/domain/store.ts";

const DOMAIN = "ams.example";
const fact = (grant: string): Fact => ({ event: "revocation", grant, home: DOMAIN });
const keys = await generateKeyPair("EdDSA");
const sealing = { key: keys.privateKey, kid: "first" };
const keyNamed = async () => keys.publicKey;

function ledgerOn(database: DatabaseSync, failures: unknown[] = []): Ledger {
  return new Ledger({
    domain: DOMAIN,
    database,
    keys: { current: sealing },
    failed: (thrown) => failures.push(thrown),
  });
}

async function five(): Promise<{ database: DatabaseSync; records: readonly string[] }> {
  const database = openStore(":memory:");
  const ledger = ledgerOn(database);
  for (const grant of ["a", "b", "c", "d", "e"]) ledger.note(fact(grant));
  await ledger.settled();
  return { database, records: recordsIn(database) };
}

const faultsOf = async (records: readonly string[]) => (await verifyChain(DOMAIN, records, keyNamed)).faults.join("\n");

describe("a ledger", () => {
  it("holds what was noted, in order, each record bound to the one before", async () => {
    const { records } = await five();
    const { entries, faults } = await verifyChain(DOMAIN, records, keyNamed);
    expect(faults).toEqual([]);
    expect(entries.map(({ sequence, fact }) => [sequence, "grant" in fact && fact.grant])).toEqual(
      ["a", "b", "c", "d", "e"].map((grant, index) => [index + 1, grant]),
    );
  });

  it("seals after a restart what a crash left unsealed", async () => {
    const { database } = await five();
    const noted = { at: new Date().toISOString(), domain: DOMAIN, fact: fact("late") };
    database.prepare("INSERT INTO accounts (body) VALUES (?)").run(JSON.stringify(noted));
    await ledgerOn(database).settled();
    expect(recordsIn(database)).toHaveLength(6);
    expect(await faultsOf(recordsIn(database))).toBe("");
  });

  it("tells if a record cannot be sealed, and seals it with the next one", async () => {
    const { database } = await five();
    const failures: unknown[] = [];
    const ledger = ledgerOn(database, failures);
    database.exec("ALTER TABLE accounts RENAME COLUMN record TO hidden");
    ledger.note(fact("f"));
    await ledger.settled();
    expect(failures).toHaveLength(1);
    database.exec("ALTER TABLE accounts RENAME COLUMN hidden TO record");
    ledger.note(fact("g"));
    await ledger.settled();
    expect(await faultsOf(recordsIn(database))).toBe("");
    expect(recordsIn(database)).toHaveLength(7);
  });

  it("shows a record that was removed, moved, or put in its place by another key", async () => {
    const { records } = await five();
    const [a = "", b = "", c = "", d = "", e = ""] = records;
    expect(await faultsOf([a, c, d, e])).toBe("record 2 of ams.example was removed");
    expect(await faultsOf([a, e])).toBe("records 2 to 4 of ams.example were removed");
    expect(await faultsOf([b, c, d, e])).toBe("record 1 of ams.example was removed");
    expect(await faultsOf([a, c, b, d, e])).toContain("record 2 of ams.example stands after record 3");
    const stranger = await generateKeyPair("EdDSA");
    const { entries } = await verifyChain(DOMAIN, records, keyNamed);
    const [, second] = entries;
    if (second === undefined) throw new Error("the second record is not there");
    const forged = await seal({ ...second, fact: fact("forged") }, { ...sealing, key: stranger.privateKey });
    expect(await faultsOf([a, forged, c, d, e])).toContain("record 2 of ams.example is not what ams.example signed");
  });

  it("shows a record that its own domain signed anew, since the next one holds the digest of the first", async () => {
    const { records } = await five();
    const [a = "", , c = "", d = "", e = ""] = records;
    const { entries } = await verifyChain(DOMAIN, records, keyNamed);
    const [, second] = entries;
    if (second === undefined) throw new Error("the second record is not there");
    const rewritten = await seal({ ...second, fact: fact("other") }, sealing);
    expect(await faultsOf([a, rewritten, c, d, e])).toBe(
      "record 3 of ams.example does not follow the one before it, which was altered",
    );
  });
});
