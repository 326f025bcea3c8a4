import { afterEach, beforeEach, expect, test } from "vitest";
import { compose } from "../../provider/composition.ts";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { AMS, SAN } from "../domain/testbed.ts";
import { Controller, TOKEN } from "../lightpath/oscars/controller.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let far: Controller;
let sites: TwoSites;
beforeEach(async () => {
  far = await Controller.start();
  sites = await twoSites();
});
afterEach(async () => {
  await sites?.close();
  await far?.end();
});

const aaa = () => expect.unreachable("no domain is asked for a grant");
const waits = (why: string) => expect.unreachable(why);

async function begun(lightpath = far.lightpath()) {
  const wish = { bandwidthMbps: 600, maxBandwidthMbps: 900, mtu: 9000, encryption: "tls" } as const;
  const move = await sites.moveOf({ ...far.record(), ...wish });
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from));
  const permit = await authorize(move, aaa, journal, () => undefined);
  const seat = { ...seatOf(move, sites.context), waits, say: waits };
  const lit = () =>
    light(
      move,
      permit,
      () => lightpath,
      journal,
      () => undefined,
      seat,
    );
  return { move, permit, lit };
}

const borrowedBy = async ({ from }: Move) => (await readJournal(shelfOf(from)))?.borrowed ?? { declared: false };

test("a move's path is had of an OSCARS, raised, extended and given back", async () => {
  const { permit, lit } = await begun();
  expect(permit).toMatchObject({ domains: ["127.0.0.1"], token: "" });
  const path = await lit();
  expect(path).toMatchObject({ hops: ["127.0.0.1"], bandwidthMbps: 600 });
  expect(far.live()).toEqual(["RESERVED ACTIVE"]);
  expect(await path.raise()).toEqual({ bandwidthMbps: 900 });
  const untilMs = Date.now() + 7_200_000;
  await path.extend(untilMs);
  expect(Date.parse(path.endsAt ?? "")).toBeGreaterThanOrEqual(untilMs);
  await path.putOut();
  expect(far.live()).toEqual([]);
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
});

test.each([
  ["while it was held", "/commit", "HELD WAITING"],
  ["when it was reserved", "/info/N7Y1", "RESERVED WAITING"],
] as const)(
  "a controller that was killed %s has left its id, by which another gives the path back",
  async (_, suffix, left) => {
    const killed = far.lightpath();
    const { move, lit } = await begun(killed);
    far.next(suffix, "silence");
    const broken = lit();
    broken.catch(() => undefined);
    await expect.poll(() => far.live()).toEqual([left]);
    await expect.poll(() => far.asked.some((path) => path.endsWith(suffix))).toBe(true);
    await killed.close();
    await expect(broken).rejects.toMatchObject({ retry: "unsafe" });
    const borrowed = await borrowedBy(move);
    expect(borrowed).toMatchObject({ home: far.record(), connection: "N7Y1", declared: false });
    expect(far.live()).toEqual([left]);
    await giveBack({ aaa, lightpath: () => far.lightpath() }, move.vm.name, borrowed);
    expect(far.live()).toEqual([]);
    expect(JSON.stringify(borrowed)).not.toContain(TOKEN);
  },
);

test("its token is in the stack's configuration, and if it is missing that is told", async () => {
  const narrator = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const offer = { from: AMS, to: SAN, bandwidthMbps: 600, minutes: 60 };
  const context = compose((key) => (key === "oscarsToken" ? TOKEN : undefined), narrator);
  expect(await context.lightpath(far.record()).offer(offer)).toMatchObject({ rttMs: 198, freeMbps: 1_000 });
  await context.rest();
  const bare = compose(() => undefined, narrator);
  await expect(bare.lightpath(far.record()).offer(offer)).rejects.toMatchObject({
    ...{ code: "credentials.missing", next: expect.stringMatching(/turntable:oscarsTokenFile/) },
  });
  await bare.rest();
});
