import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { shelfOf } from "../../provider/controller/move.ts";
import { Lenders } from "./lenders.ts";

const lenders = new Lenders();
const { aaa, begun, company, drac, held, undo } = lenders;

beforeAll(() => lenders.open());
afterAll(() => lenders.close());
beforeEach(() => lenders.prepare());
afterEach(() => lenders.end());

test("a path is reserved, lit, journaled, and both hosts are put on it; putting it out leaves nothing", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  const path = await light(move, permit, drac, journal, undo, company(move));
  expect(path).toMatchObject({ hops: ["ams.example", "transit.example", "san.example"], bandwidthMbps: 600 });
  expect(path.rttMs).toBeGreaterThan(0);
  expect(await held(move)).toEqual({ grant: "active", connection: "provisioned" });
  await path.putOut();
  expect(await held(move)).toEqual({ grant: "active", connection: "terminated" });
  expect(await lenders.sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  await permit?.giveBack();
});

test("what was lent before its id could be noted is found by what was asked for, and nothing else is given back", async () => {
  const { move, journal } = await begun();
  const stranger = await begun({ vm: { ...move.vm, name: "other" } });
  const others = await authorize(stranger.move, aaa, stranger.journal, undo);
  const otherGrant = (await readJournal(shelfOf(stranger.move.from)))?.borrowed.grant ?? "";
  const lender: typeof drac = () =>
    Object.assign(drac(), { provision: () => Promise.reject(new Error("killed here")) });
  const permit = await authorize(move, aaa, journal, undo);
  await expect(light(move, permit, lender, journal, undo, company(move))).rejects.toThrow("killed here");
  const noted = (await readJournal(shelfOf(move.from)))?.borrowed;
  expect(noted?.reserving).toEqual(permit?.window);
  expect(noted?.asking).toEqual(permit?.window);
  expect(await held(move)).toEqual({ grant: "active", connection: "reserved" });
  const { home, asking, reserving } = noted ?? {};
  await giveBack({ aaa, lightpath: drac }, move.vm.name, { home, asking, reserving, declared: false });
  expect(await held(move)).toEqual({ grant: "revoked", connection: "terminated" });
  expect((await aaa().grantStatus(otherGrant))?.state).toBe("active");
  await others?.giveBack();
});

test("a path that is longer than the budget allows is not lit, and taken back by the undos", async () => {
  const { move, journal } = await begun({ downtimeBudgetMs: 100 });
  const permit = await authorize(move, aaa, journal, undo);
  const unlit: typeof drac = () =>
    Object.assign(drac(), { provision: () => Promise.reject(new Error("it is lit here")) });
  await expect(light(move, permit, unlit, journal, undo, company(move))).rejects.toThrow(
    /^at a round trip of 200 ms the VM is away for 130 ms at least, and its budget is 100 ms/,
  );
  expect(await held(move)).toEqual({ grant: "active", connection: "reserved" });
  for (const { act } of lenders.undos.reverse()) await act();
  expect(await held(move)).toEqual({ grant: "revoked", connection: "terminated" });
});

test("a domain that is silent when the path is lit: what was reserved is taken back by the undos", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  await lenders.domains.stop("san.example");
  try {
    const lighting = light(move, permit, drac, journal, undo, company(move));
    await expect(lighting).rejects.toMatchObject({ code: "domain.unreachable", retry: "safe" });
    await expect(lighting).rejects.toThrow(/san\.example could not be asked/);
  } finally {
    await lenders.domains.start("san.example");
  }
  for (const { act } of lenders.undos.reverse()) await act();
  expect((await held(move)).grant).toBe("revoked");
  const live = (await drac().list()).filter(({ state }) => state !== "terminated" && state !== "timed-out");
  expect(live).toEqual([]);
}, 60_000);
