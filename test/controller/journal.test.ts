import { execFile } from "node:child_process";
import { mkdtemp, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Journal, readJournal, removeJournal, type Shelf } from "../../provider/controller/journal.ts";
import { openLocal } from "../../provider/host/local.ts";

const run = promisify(execFile);
const host = () => openLocal("here");
let directory: string;
let here: Shelf;
let there: Shelf;

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tt-j-"));
  here = { host: host(), directory: `${directory}/here/vm` };
  there = { host: host(), directory: `${directory}/there/vm` };
});
afterEach(async () => {
  await Promise.all([here.host.close(), there.host.close()]);
  await rm(directory, { recursive: true, force: true });
});

const begin = () => new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, here);

test("what a move is about to do stands on every shelf before it is done, for its owner's eyes only", async () => {
  const journal = begin();
  await journal.note("hold", "begun");
  expect(await readJournal(there)).toBeUndefined();
  await journal.alsoOn(there);
  const home = { name: "ams.example", url: "https://127.0.0.1:1", fingerprint: `SHA256:${"A".repeat(43)}` };
  await journal.borrow({ home, grant: "g1" });
  await journal.borrow({ connection: "c1" });
  for (const shelf of [here, there]) {
    expect(await readJournal(shelf)).toMatchObject({
      ...{ schema: 1, move: "m1", from: "ams", to: "san", epoch: 2, stages: [{ stage: "hold", state: "begun" }] },
      borrowed: { home, grant: "g1", connection: "c1", declared: false },
    });
    expect((await stat(`${shelf.directory}/journal.json`)).mode & 0o777).toBe(0o600);
  }
});

test("a journal outlives whoever wrote it", async () => {
  await begin().note("light", "begun");
  await here.host.close();
  here = { ...here, host: host() };
  expect((await readJournal(here))?.stages.map(({ stage }) => stage)).toEqual(["light"]);
});

test("a shelf that it has left is not touched any more", async () => {
  const journal = begin();
  await journal.alsoOn(there);
  journal.leave(there);
  await there.host.remove(there.directory);
  await journal.note("hold", "undone");
  await journal.close();
  expect(await there.host.list(`${directory}/there`)).toEqual([]);
  expect(await here.host.list(here.directory)).toEqual([]);
});

test("a closed journal leaves no file, nor does one that is removed twice", async () => {
  const journal = begin();
  await journal.alsoOn(there);
  await journal.note("hold", "begun");
  await journal.close();
  await removeJournal(here);
  expect((await run("find", [directory, "-type", "f"])).stdout).toBe("");
});

test.each([
  ["{", "JSON"],
  [JSON.stringify({ schema: 2, move: "m1" }), "schema"],
  [
    JSON.stringify({ schema: 1, move: "m1", from: "a", to: "b", epoch: 1, stages: [], borrowed: {}, token: "x" }),
    "token",
  ],
])("a file that is no journal is refused with its path and reason: %s", async (text, reason) => {
  await begin().note("hold", "begun");
  await writeFile(`${here.directory}/journal.json`, text);
  await expect(readJournal(here)).rejects.toMatchObject({
    code: "move.failed",
    retry: "never",
    message: expect.stringContaining(`${here.directory}/journal.json`),
  });
  await expect(readJournal(here)).rejects.toThrow(reason);
  expect(await readFile(`${here.directory}/journal.json`, "utf8")).toBe(text);
});
