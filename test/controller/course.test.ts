import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test } from "vitest";
import { Course, STAGES } from "../../provider/controller/course.ts";
import { Journal, readJournal, type Shelf } from "../../provider/controller/journal.ts";
import { TurntableError } from "../../provider/errors.ts";
import { openLocal } from "../../provider/host/local.ts";

let directory: string;
let shelf: Shelf;
let course: Course;
let told: string[];

beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "tt-r-"));
  shelf = { host: openLocal("here"), directory };
  told = [];
  const tell = (line: string) => void told.push(line);
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelf);
  course = new Course("web ams → san", journal, { info: tell, warn: tell, progress: tell });
});
afterEach(async () => {
  await shelf.host.close();
  await rm(directory, { recursive: true, force: true });
});

const refused = new TurntableError("domain.refused", "transit.example refused", {
  ...{ retry: "never", next: "Ask for less." },
});

test("a stage is journaled before it acts, and told with its number", async () => {
  const during = await course.stage("light", "a path", async () => (await readJournal(shelf))?.stages.at(-1));
  expect(during).toMatchObject({ stage: "light", state: "begun" });
  expect((await readJournal(shelf))?.stages.map(({ state }) => state)).toEqual(["begun", "done"]);
  expect(told[0]).toContain(`[${STAGES.indexOf("light") + 1}/6] light: a path`);
  expect(Object.keys(course.stagesMs)).toEqual(["light"]);
});

/** Two stages, of which the second fails after its undo was noted; what was taken back, in order. */
async function fail(secondUndo: () => Promise<void> = async () => undefined): Promise<[string[], TurntableError]> {
  const undone: string[] = [];
  const note = (what: string) => async () => void undone.push(what);
  const failing = async () => {
    await course.stage("hold", "a host", async (undo) => {
      undo("the host", note("host"));
      undo("the disk", note("disk"));
    });
    await course.stage("light", "a path", async (undo) => {
      undo("the path", secondUndo);
      throw refused;
    });
  };
  const thrown = await failing().catch((reason: unknown) => reason);
  return [undone, await course.undo(thrown)];
}

test("what was done is taken back newest first; the error says stage, why and what to do, each once", async () => {
  const [undone, error] = await fail();
  expect(undone).toEqual(["disk", "host"]);
  expect(error).toMatchObject({ code: "move.failed", retry: "never", cause: refused });
  expect(error.message).toBe(
    "web ams → san failed in stage light: transit.example refused (domain.refused). Everything was taken back; the VM runs where it was (move.failed). Ask for less. Then run `pulumi up` again.",
  );
  expect(await readJournal(shelf)).toBeUndefined();
});

test("an undo that fails stops no other, and is named; the journal stays for the next up", async () => {
  const [undone, error] = await fail(() => Promise.reject(new Error("ams.example is silent")));
  expect(undone).toEqual(["disk", "host"]);
  expect(error).toMatchObject({ code: "move.failed", retry: "unsafe" });
  expect(error.message).toMatch(
    /failed in stage light: .* The VM runs where it was\. Not taken back: the path \(ams\.example is silent\)/,
  );
  expect(error.message).toMatch(/Run `pulumi up` again: it looks at both sites first/);
  expect((await readJournal(shelf))?.stages.at(-1)).toMatchObject({ stage: "light", state: "begun" });
});

test("after the commit nothing is taken back, and the error says where the VM is", async () => {
  let undone = false;
  await course.stage("migrate", "memory", async (undo) => {
    undo("the copy", async () => {
      undone = true;
    });
    course.commit();
  });
  await course.stage("steer", "gateways", () => Promise.reject(refused)).catch(() => undefined);
  const error = await course.undo(refused);
  expect(undone).toBe(false);
  expect(course.committed).toBe(true);
  expect(error.message).toMatch(
    /the VM runs at its new site, but stage steer did not finish: transit\.example refused/,
  );
  expect(error).toMatchObject({ retry: "safe", next: "Run `pulumi up` again: it finishes what is left." });
});

test("if nobody knows who has the VM, nothing at all is taken back", async () => {
  let undone = false;
  await course.stage("migrate", "memory", async (undo) => {
    undo("the copy", async () => {
      undone = true;
    });
  });
  course.keepEverything();
  const error = await course.undo(new Error("silence"));
  expect(undone).toBe(false);
  expect(error).toMatchObject({ retry: "unsafe" });
  expect(error.message).toMatch(/Which site has the VM is not known: nothing was taken back/);
  expect(await readJournal(shelf)).toBeDefined();
});

test("without its lease the course begins no stage and takes nothing back, not even what it could", async () => {
  const lease: { lost: string | undefined } = { lost: undefined };
  const begun: string[] = [];
  const tell = (line: string) => void begun.push(line);
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelf);
  const leased = new Course("web ams → san", journal, { info: tell, warn: tell, progress: tell }, lease);
  let undone = false;
  await leased.stage("hold", "a host", async (undo) => {
    undo("the host", async () => {
      undone = true;
    });
  });
  lease.lost = "san was not heard for 12 s";
  const thrown = await leased
    .stage("light", "a path", async () => expect.unreachable("it goes on"))
    .catch((why) => why);
  const error = await leased.undo(thrown);
  expect({ undone, begun: begun.length }).toEqual({ undone: false, begun: 1 });
  expect(error).toMatchObject({ code: "move.failed", retry: "unsafe" });
  expect(error.message).toMatch(
    /failed in stage light: the lease is lost: san was not heard for 12 s .* Nothing was taken back, since another controller may be at work/,
  );
  expect((await readJournal(shelf))?.stages.at(-1)).toMatchObject({ stage: "hold", state: "done" });
});
