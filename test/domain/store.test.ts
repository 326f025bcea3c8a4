import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, beforeEach, expect, test } from "vitest";
import { openStore } from "../../provider/domain/store.ts";

/** What later versions brought. */
const ADDED = [
  "riders",
  "rides",
  "modifications",
  "segment_versions",
  "accounts",
  "uses",
  "commitments",
  "topologies",
  "token_uses",
  "requests",
  "notices",
  "nsi_connections",
  "published_keys",
  "revoked_tokens",
  "untold_revocations",
  "oauth",
] as const;

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "tt-store-"));
  file = join(directory, "store.sqlite");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

function tables(database: DatabaseSync): string[] {
  const found = database.prepare("SELECT name FROM sqlite_schema WHERE type = 'table' ORDER BY name").all();
  return found.map(({ name }) => String(name));
}

test("a store of the first version gets what was added since, and keeps what it holds", () => {
  const fresh = openStore(file);
  const all = tables(fresh);
  fresh.exec("INSERT INTO revocations VALUES ('ams.example', 'g1')");
  for (const table of ADDED) fresh.exec(`DROP TABLE ${table}`);
  fresh.exec("PRAGMA user_version = 1");
  fresh.close();
  const upgraded = openStore(file);
  expect(tables(upgraded)).toEqual(all);
  expect(all).toEqual(expect.arrayContaining([...ADDED]));
  expect(upgraded.prepare("SELECT home FROM revocations").all()).toMatchObject([{ home: "ams.example" }]);
  upgraded.close();
  openStore(file).close();
});

test("a store of a later version is left alone", () => {
  const later = new DatabaseSync(file);
  later.exec("PRAGMA user_version = 99");
  later.close();
  expect(() => openStore(file)).toThrow(/has version 99/);
});
