import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { compose } from "../../provider/composition.ts";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import type { Lightpath, PathController } from "../../provider/lightpath/lightpath.ts";
import type { NsiLightpath } from "../../provider/lightpath/nsi/nsi.ts";
import { AMS, SAN } from "../domain/testbed.ts";
import { type FarSide, PROVIDER, startFarSide } from "../lightpath/nsi/far-side.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let far: FarSide;
let nsi: NsiLightpath;
let sites: TwoSites;
let undos: (() => Promise<void>)[];
let asked: PathController[];

beforeAll(async () => {
  far = await startFarSide();
  nsi = far.lightpath();
});
afterAll(async () => far?.end());
beforeEach(async () => {
  sites = await twoSites();
  undos = [];
  asked = [];
});
afterEach(async () => sites?.close());

const undo = (_: string, act: () => Promise<void>) => void undos.push(act);
const waits = (why: string) => expect.unreachable(why);
const company = (move: Move) => ({ ...seatOf(move, sites.context), waits, say: waits });
const aaa = () => expect.unreachable("no domain is asked for a grant");
const lightpathOf = (controller: PathController): Lightpath => {
  asked.push(controller);
  return nsi;
};
/** What the far side's own path control has of it. */
const there = async () => (await far.domains.drac("ams.example").list()).filter(({ state }) => state !== "terminated");

async function begun(): Promise<{ move: Move; journal: Journal }> {
  const path = { ...far.record(), bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
  const move = await sites.moveOf(path);
  return { move, journal: new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)) };
}

test("a move's path is had of an NSI provider, by its certificate alone, and given back", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  expect(permit).toMatchObject({ domains: [PROVIDER], token: "" });
  const path = await light(move, permit, lightpathOf, journal, undo, company(move));
  expect(path).toMatchObject({ hops: ["ams.example"], bandwidthMbps: 600 });
  expect(path.rttMs).toBeGreaterThan(0);
  expect(await there()).toMatchObject([{ state: "provisioned", bandwidthMbps: 600 }]);
  expect(asked).toContainEqual(far.record());
  expect(await path.raise()).toEqual({ refused: expect.stringMatching(/of which no more is asked/) });
  await expect(path.extend(Date.now() + 7_200_000)).rejects.toThrow(/NOT_IMPLEMENTED: a reservation is not modified/);
  await path.putOut();
  expect(await there()).toEqual([]);
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  await permit?.giveBack();
});

test("after a crash it is found, by its id or by what was asked for, and given back", async () => {
  for (const crash of ["lit", "reserved"] as const) {
    const { move, journal } = await begun();
    const permit = await authorize(move, aaa, journal, undo);
    const killed = Object.assign(far.lightpath(), { provision: () => Promise.reject(new Error("killed here")) });
    const berth = company(move);
    if (crash === "lit") await light(move, permit, lightpathOf, journal, undo, berth);
    else {
      await nsi.close();
      await expect(light(move, permit, () => killed, journal, undo, berth)).rejects.toThrow("killed here");
      await killed.close();
    }
    const borrowed = (await readJournal(shelfOf(move.from)))?.borrowed;
    expect(borrowed?.home).toEqual(far.record());
    expect(await there()).toHaveLength(1);
    const { home, reserving } = borrowed ?? {};
    const noted = crash === "lit" ? borrowed : { home, reserving, declared: false };
    await giveBack({ aaa, lightpath: lightpathOf }, move.vm.name, noted ?? { declared: false });
    expect(await there()).toEqual([]);
    await sites.close();
    sites = await twoSites();
  }
});

test("what is shown to the provider is in the stack's configuration, and what is missing there is told", async () => {
  const narrator = { info: () => undefined, warn: () => undefined, progress: () => undefined };
  const offer = { from: AMS, to: SAN, bandwidthMbps: 600, minutes: 60 };
  const { file } = far.aggregator;
  const settings = new Map([
    ["nsiCertificateFile", file],
    ["nsiKeyFile", file.replace(/pem$/, "key")],
  ]);
  const context = compose((key) => settings.get(key), narrator);
  expect(await context.lightpath(far.record()).offer(offer)).toMatchObject({ hops: ["ams.example"], rttMs: 198 });
  expect(context.lightpath(far.record())).toBe(context.lightpath({ ...far.record() }));
  await context.rest();
  const bare = compose(() => undefined, narrator);
  await expect(bare.lightpath(far.record()).offer(offer)).rejects.toMatchObject({
    ...{ code: "credentials.missing", next: expect.stringMatching(/turntable:nsiCertificateFile/) },
  });
  await bare.rest();
});

test("a domain that refuses is told with its reason, and nothing is left", async () => {
  const { move, journal } = await begun();
  const path = { ...far.record(), bandwidthMbps: 5_000, mtu: 9000, encryption: "tls" } as const;
  const greedy = { ...move, path };
  const permit = await authorize(greedy, aaa, journal, undo);
  await expect(light(greedy, permit, lightpathOf, journal, undo, company(greedy))).rejects.toMatchObject({
    ...{ code: "domain.refused", message: expect.stringMatching(/1000 Mbps at most/) },
  });
  for (const act of undos.reverse()) await act();
  expect(await there()).toEqual([]);
});
