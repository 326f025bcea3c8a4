import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { Worker } from "node:worker_threads";
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
  for (const index of ["segments_by_state", "connections_by_owner", "connections_open"])
    fresh.exec(`DROP INDEX ${index}`);
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

/** Opens a store as soon as all who share the barrier are ready to. */
const OPENER = `
  const { workerData, parentPort } = require("node:worker_threads");
  const { barrier, many, file, module } = workerData;
  import(module).then(({ openStore }) => {
    if (Atomics.add(barrier, 0, 1) + 1 === many) Atomics.notify(barrier, 0);
    for (let seen = Atomics.load(barrier, 0); seen < many; seen = Atomics.load(barrier, 0)) Atomics.wait(barrier, 0, seen, 1);
    openStore(file).close();
    parentPort.postMessage("opened");
  });
`;

test("a new store can be opened by several agents at once", async () => {
  const many = 6;
  const module = new URL("../../provider/domain/store.ts", import.meta.url).href;
  for (let round = 0; round < 4; round++) {
    const barrier = new Int32Array(new SharedArrayBuffer(4));
    const workerData = { barrier, many, module, file: join(directory, `${round}.sqlite`) };
    const opened = Array.from({ length: many }, async () => {
      const worker = new Worker(OPENER, { eval: true, workerData });
      const outcome = await new Promise((resolve) => worker.once("message", resolve).once("error", resolve));
      await worker.terminate();
      return outcome;
    });
    expect(await Promise.all(opened)).toEqual(Array(many).fill("opened"));
    const store = openStore(workerData.file);
    expect(tables(store)).toEqual(expect.arrayContaining([...ADDED]));
    store.close();
  }
});
