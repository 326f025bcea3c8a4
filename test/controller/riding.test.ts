import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { readJournal, removeJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { shelfOf } from "../../provider/controller/move.ts";
import { leavePorts } from "../../provider/controller/ports.ts";
import { Lenders } from "./lenders.ts";

const lenders = new Lenders();
const { aaa, company, drac, held, neighbour, undo } = lenders;

beforeAll(() => lenders.open());
afterAll(() => lenders.close());
beforeEach(() => lenders.prepare());
afterEach(() => lenders.end());

test("VMs that move at once share one path, each by consent of its own; the last one puts it out", async () => {
  const moves = await Promise.all(["one", "two", "three"].map(neighbour));
  const berths = moves.map(({ move }) => company(move));
  const before = (await drac().list()).length;
  const lit = await Promise.all(
    moves.map(async ({ move, journal }, index) => {
      const permit = await authorize(move, aaa, journal, undo);
      return { permit, path: await light(move, permit, drac, journal, undo, berths[index] ?? company(move)) };
    }),
  );
  const ids = new Set(lit.map(({ path }) => path.connectionId));
  expect(ids.size).toBe(1);
  expect((await drac().list()).length).toBe(before + 1);
  expect(lit[0]?.path.sharers()).toBe(3);
  for (const { move } of moves) expect((await readJournal(shelfOf(move.from)))?.borrowed.connection).toBe([...ids][0]);
  const states: (string | undefined)[] = [];
  for (const { path } of lit) {
    states.push((await drac().query(path.connectionId ?? ""))?.state);
    expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
    await path.putOut();
  }
  expect(states).toEqual(["provisioned", "provisioned", "provisioned"]);
  expect((await drac().query(lit[0]?.path.connectionId ?? ""))?.state).toBe("terminated");
  expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  for (const { permit } of lit) await permit?.giveBack();
});

test("a VM without consent rides on nobody's path, and the others stay on it", async () => {
  const [one, two] = await Promise.all([neighbour("one"), neighbour("two")]);
  const [first, second] = [company(one.move), company(two.move)];
  const permit = await authorize(one.move, aaa, one.journal, undo);
  const path = await light(one.move, permit, drac, one.journal, undo, first);
  lenders.undos = [];
  const revoked = await authorize(two.move, aaa, two.journal, undo);
  await revoked?.giveBack();
  const joining = light(two.move, revoked, drac, two.journal, undo, second);
  await expect(joining).rejects.toMatchObject({ code: "domain.refused", message: expect.stringMatching(/is revoked/) });
  for (const { act } of lenders.undos.reverse()) await act();
  expect(await held(one.move)).toEqual({ grant: "active", connection: "provisioned" });
  expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
  await path.putOut();
  expect(await held(one.move)).toEqual({ grant: "active", connection: "terminated" });
  await permit?.giveBack();
});

test("after a crash each VM gives its own use back, and the path ends with the last of them", async () => {
  const moves = await Promise.all(["one", "two"].map(neighbour));
  const berths = moves.map(({ move }) => company(move));
  for (const [index, { move, journal }] of moves.entries()) {
    const permit = await authorize(move, aaa, journal, undo);
    await light(move, permit, drac, journal, undo, berths[index] ?? company(move));
  }
  const [one, two] = await Promise.all(moves.map(({ move }) => readJournal(shelfOf(move.from))));
  if (!one || !two || !moves[0] || !moves[1]) throw new Error("a journal is missing");
  const [first, second] = [moves[0].move, moves[1].move];
  await moves[0].journal.alsoOn(shelfOf(first.to));
  await moves[1].journal.alsoOn(shelfOf(second.to));
  await leavePorts(lenders.sites.context, [first.from, first.to], first.from, one);
  await giveBack({ aaa, lightpath: drac }, "one", one.borrowed);
  await removeJournal(shelfOf(first.to));
  expect(await held(second)).toEqual({ grant: "active", connection: "provisioned" });
  expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
  // What another VM is on is not guessed where it cannot be read; what is no folder of a VM's has no say.
  const { host, record } = second.to;
  await host.writeFile(`${record.storage}/third/journal.json`, "{");
  await host.writeFile(`${record.storage}/third.lease`, "{}");
  const leaving = () => leavePorts(lenders.sites.context, [second.from, second.to], second.from, two);
  await expect(leaving()).rejects.toMatchObject({
    code: "move.failed",
    message: expect.stringMatching(/third\/journal/),
  });
  expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
  await host.remove(`${record.storage}/third`);
  await leaving();
  await giveBack({ aaa, lightpath: drac }, "two", two.borrowed);
  expect(await held(second)).toEqual({ grant: "revoked", connection: "terminated" });
  for (const site of ["ams", "san"] as const) {
    expect(await lenders.sites.ip(site, "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  }
});

test("after a crash a VM that moves again waits until the others have given back the path that they shared", async () => {
  const moves = await Promise.all(["one", "two"].map(neighbour));
  const seats = moves.map(({ move }) => company(move));
  for (const [index, { move, journal }] of moves.entries()) {
    const permit = await authorize(move, aaa, journal, undo);
    await light(move, permit, drac, journal, undo, seats[index] ?? company(move));
  }
  const [one, two] = moves;
  if (!one || !two) throw new Error("a move is missing");
  const crashed = (await held(one.move)).connection;
  const clearUp = async ({ move }: typeof one) => {
    const journal = await readJournal(shelfOf(move.from));
    if (!journal) throw new Error("a journal is missing");
    await leavePorts(lenders.sites.context, [move.from, move.to], move.from, journal);
    await giveBack({ aaa, lightpath: drac }, move.vm.name, journal.borrowed);
    for (const end of [move.from, move.to]) await removeJournal(shelfOf(end));
  };
  // Another process shares nothing with the one that crashed.
  const { open } = lenders.sites.context.hosts;
  const seat = seatOf(one.move, { hosts: { open } });
  const refused = Promise.withResolvers<void>();
  const clearing = seat.clearings.during(() => refused.promise.then(() => clearUp(two)));
  await clearUp(one);
  const permit = await authorize(one.move, aaa, one.journal, undo);
  const told: string[] = [];
  const waits = (why: string) => {
    told.push(why);
    refused.resolve();
  };
  const path = await light(one.move, permit, drac, one.journal, undo, { ...seat, waits, say: lenders.waits });
  await clearing;
  expect(crashed).toBe("provisioned");
  expect(told).toEqual(["room that other VMs' moves may still hold"]);
  expect(await held(one.move)).toEqual({ grant: "active", connection: "provisioned" });
  expect((await drac().list()).filter(({ state }) => state === "provisioned")).toMatchObject([
    { connectionId: path.connectionId },
  ]);
  await path.putOut();
  await permit?.giveBack();
});
