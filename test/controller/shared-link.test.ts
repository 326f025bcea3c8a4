import { afterEach, beforeEach, expect, test } from "vitest";
import { compose } from "../../provider/composition.ts";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { shelfOf } from "../../provider/controller/move.ts";
import { wishFor } from "../domain/agents.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let sites: TwoSites;
beforeEach(async () => {
  sites = await twoSites();
});
afterEach(async () => sites?.close());

const narrator = { info: () => undefined, warn: () => undefined, progress: () => undefined };
const undo = () => undefined;
const waits = (why: string) => expect.unreachable(why);
const aaa = () => expect.unreachable("no domain is asked");

test("a move takes its rate of a fixed link, is refused where too little is free, and gives it back", async () => {
  const context = compose(() => undefined, narrator);
  const link = { name: "vpn", capacityMbps: 1_000 };
  const record = { kind: "fixed", link, rttMs: 1 } as const;
  const path = { ...record, bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
  const move = await sites.moveOf(path);
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from));
  const permit = await authorize(move, aaa, journal, undo);
  expect(permit).toMatchObject({ domains: [], home: record });
  const boarded = async () => {
    const company = { ...seatOf(move, sites.context), waits, say: waits };
    return await light(move, permit, context.lightpath, journal, undo, company).finally(() => company.berth.end());
  };
  const other = await context.lightpath(record).reserve(wishFor({ vm: "elsewhere", bandwidthMbps: 500 }), "");
  await expect(boarded()).rejects.toThrow(/vpn has 500 of its 1000 Mbps free, not 600: it is used by elsewhere/);
  await context.lightpath(record).terminate(other.connectionId);
  const lit = await light(move, permit, context.lightpath, journal, undo, {
    ...seatOf(move, sites.context),
    waits,
    say: waits,
  });
  expect(lit).toMatchObject({ hops: [], bandwidthMbps: 600 });
  expect(await context.lightpath(record).list()).toMatchObject([{ vm: "tiny", state: "provisioned" }]);
  const untilMs = Date.now() + 7_200_000;
  await lit.extend(untilMs);
  expect(Date.parse(lit.endsAt ?? "")).toBe(untilMs);
  // What a crashed process took is gone with it: there is nothing to give back, and that is fine.
  const { borrowed } = (await readJournal(shelfOf(move.from))) ?? {};
  const lightpath = compose(() => undefined, narrator).lightpath;
  await giveBack({ aaa, lightpath }, move.vm.name, borrowed ?? { declared: false });
  await lit.putOut();
  expect(await context.lightpath(record).list()).toEqual([]);
  await context.rest();
});
