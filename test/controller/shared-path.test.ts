import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, expect, test } from "vitest";
import { type Boarding, SharedPaths } from "../../provider/controller/shared-path.ts";

let paths: SharedPaths<string>;
let events: string[];
beforeEach(() => {
  paths = new SharedPaths(200);
  events = [];
});

const told = (why: string) => void events.push(`waits for ${why}`);

/** What a move called `who` does, noted; `change` lets some of it fail. */
function boarding(who: string, change: Partial<Boarding<string>> = {}): Boarding<string> {
  return {
    light: async () => {
      events.push(`${who} lights`);
      return who;
    },
    join: async (lit) => void events.push(`${who} joins ${lit}`),
    leave: async (last) => void events.push(`${who} leaves${last ? ", last" : ""}`),
    ...change,
  };
}

test("the first one lights, others join, the last one puts out", async () => {
  const [a, b] = [paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  const boarded = await Promise.all([a.board(boarding("a"), told), b.board(boarding("b"), told)]);
  expect(boarded).toEqual(["a", "a"]);
  await a.leave();
  await a.leave();
  await b.leave();
  expect(events).toEqual(["a lights", "b joins a", "a leaves", "b leaves, last"]);
});

test("if the first one fails its path is cleared away, and the next one lights its own", async () => {
  const [a, b] = [paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  const failing = a.board(boarding("a", { light: () => Promise.reject(new Error("dark")) }), told);
  const waiting = b.board(boarding("b"), told);
  await expect(failing).rejects.toThrow("dark");
  await sleep(20);
  expect(events).toEqual(["waits for the last path to be given back"]);
  await a.leave();
  expect(await waiting).toBe("b");
  await b.leave();
  expect(events.slice(1)).toEqual(["a leaves, last", "b lights", "b leaves, last"]);
});

test("who may not join goes alone, and never keeps others from leaving", async () => {
  const [a, b, c] = [paths.announce("hosts", "k"), paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  const refusing = { join: () => Promise.reject(new Error("refused")) };
  await a.board(boarding("a"), told);
  const refused = [b.board(boarding("b", refusing), told), c.board(boarding("c", refusing), told)];
  for (const one of refused) await expect(one).rejects.toThrow("refused");
  await Promise.all([a.leave(), b.leave(), c.leave()]);
  expect(events.filter((event) => event.endsWith("last"))).toHaveLength(1);
});

test("the last one waits for a move that has begun, and no longer than it must", async () => {
  const [a, b] = [paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  await a.board(boarding("a"), told);
  const leaving = a.leave();
  await b.board(boarding("b"), told);
  await leaving;
  expect(events).toEqual(["a lights", "b joins a", "a leaves"]);
  const late = paths.announce("hosts", "k");
  await b.leave();
  await late.board(boarding("late"), told);
  expect(events.slice(3)).toEqual(["b leaves, last", "late lights"]);
  const failed = paths.announce("hosts", "k");
  const last = late.leave();
  failed.end();
  await last;
  expect(events.at(-1)).toBe("late leaves, last");
});

test("one that is still getting on is waited for by the last one to leave", async () => {
  const [a, b] = [paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  await a.board(boarding("a"), told);
  const slow = Promise.withResolvers<void>();
  const joining = b.board(boarding("b", { join: () => slow.promise }), told);
  const leaving = a.leave();
  await sleep(300);
  expect(events).toEqual(["a lights"]);
  slow.resolve();
  await Promise.all([joining, leaving]);
  expect(events).toEqual(["a lights", "a leaves"]);
});

test("a path of another kind between the same hosts waits until theirs is out; between others it does not", async () => {
  const [a, b, c] = [paths.announce("hosts", "k"), paths.announce("hosts", "l"), paths.announce("others", "l")];
  await a.board(boarding("a"), told);
  const waiting = b.board(boarding("b"), told);
  await c.board(boarding("c"), told);
  expect(events).toEqual(["a lights", "waits for another path between the same hosts", "c lights"]);
  await a.leave();
  await waiting;
  expect(events.slice(3)).toEqual(["a leaves, last", "b lights"]);
});

test("a path on which somebody was given up on is not put out by the others, nor in the way of new ones", async () => {
  const [a, b] = [paths.announce("hosts", "k"), paths.announce("hosts", "k")];
  await a.board(boarding("a"), told);
  await b.board(boarding("b"), told);
  a.end();
  await b.leave();
  const c = paths.announce("hosts", "l");
  await c.board(boarding("c"), told);
  expect(events).toEqual(["a lights", "b joins a", "b leaves", "c lights"]);
});
