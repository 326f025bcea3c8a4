import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { type Domains, startDomains } from "../domain/agents.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const ON_DEMAND = { kind: "on-demand", bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
let domains: Domains;
let sites: TwoSites;
let undos: { what: string; act: () => Promise<void> }[];

beforeAll(async () => {
  domains = await startDomains((config) => ({
    ...config,
    peers:
      config.domain === "transit.example"
        ? config.peers.map((peer) => ({ ...peer, maxBandwidthMbps: 700 }))
        : config.peers,
  }));
});
afterAll(async () => domains?.end());
beforeEach(async () => {
  sites = await twoSites();
  undos = [];
});
afterEach(async () => sites?.close());

const undo = (what: string, act: () => Promise<void>) => void undos.push({ what, act });
const aaa = () => domains.aaa("ams.example");
const drac = () => domains.drac("ams.example");

async function begun(change: Partial<Move> = {}): Promise<{ move: Move; journal: Journal }> {
  const home = domains.bed.records["ams.example"];
  const move = { ...(await sites.moveOf({ ...ON_DEMAND, home })), ...change };
  return { move, journal: new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)) };
}

/** Grants and paths that the domains hold for what the journal names. */
async function held(move: Move): Promise<{ grant?: string | undefined; connection?: string | undefined }> {
  const borrowed = (await readJournal(shelfOf(move.from)))?.borrowed;
  const grant = borrowed?.grant === undefined ? undefined : await aaa().grantStatus(borrowed.grant);
  const connection = borrowed?.connection === undefined ? undefined : await drac().query(borrowed.connection);
  return { grant: grant?.state, connection: connection?.state };
}

test("a grant is asked of every domain, journaled without its text, and given back", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  expect(permit?.domains).toEqual(["ams.example", "transit.example", "san.example"]);
  expect(await held(move)).toEqual({ grant: "active" });
  const text = await move.from.host.readFile(`${move.from.place.directory}/journal.json`);
  expect(text).not.toMatch(/eyJ/);
  expect(text).not.toContain(permit?.token);
  expect(undos.map(({ what }) => what)).toEqual(["the grant"]);
  await permit?.giveBack();
  expect(await held(move)).toEqual({ grant: "revoked" });
});

test("a fixed path asks nobody", async () => {
  const { move, journal } = await begun({
    path: { kind: "fixed", bandwidthMbps: 200, mtu: 9000, rttMs: 1, encryption: "tls" },
  });
  expect(await authorize(move, aaa, journal, undo)).toBeUndefined();
  expect(undos).toEqual([]);
});

test("a domain on the way that refuses is named with its reason, and nothing is to be taken back", async () => {
  const home = domains.bed.records["ams.example"];
  const { move, journal } = await begun({ path: { ...ON_DEMAND, home, bandwidthMbps: 800 } });
  const asked = authorize(move, aaa, journal, undo);
  await expect(asked).rejects.toMatchObject({ code: "domain.refused", retry: "never" });
  await expect(asked).rejects.toThrow(/transit\.example refused .*700 Mbps/);
  expect(undos).toEqual([]);
});

test("a grant declared ahead is used if it is active, never revoked, and refused if it is not", async () => {
  const window = { start: new Date().toISOString(), end: new Date(Date.now() + 600_000).toISOString() };
  const { move, journal } = await begun();
  const between: [string, string] = [move.from.location.stp, move.to.location.stp];
  const declared = await aaa().requestGrant({ between, bandwidthMbps: 600, window, vm: move.vm.name });
  const grant = { ...declared, home: domains.bed.records["ams.example"] };
  const permit = await authorize({ ...move, grant }, aaa, journal, undo);
  await permit?.giveBack();
  expect((await aaa().grantStatus(declared.id))?.state).toBe("active");
  await aaa().revokeGrant(declared.id);
  await expect(authorize({ ...move, grant }, aaa, journal, undo)).rejects.toThrow(
    new RegExp(`the grant ${declared.id} is revoked`),
  );
});

test("a path is reserved, lit, journaled, and both hosts are put on it; putting it out leaves nothing", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  const path = await light(move, permit, drac, journal, undo);
  expect(path).toMatchObject({ hops: ["ams.example", "transit.example", "san.example"], bandwidthMbps: 600 });
  expect(path.rttMs).toBeGreaterThan(0);
  expect(await held(move)).toEqual({ grant: "active", connection: "provisioned" });
  await path.putOut();
  expect(await held(move)).toEqual({ grant: "active", connection: "terminated" });
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
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
  await expect(light(move, permit, lender, journal, undo)).rejects.toThrow("killed here");
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

test("a domain that is silent when the path is lit: what was reserved is taken back by the undos", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  await domains.stop("san.example");
  try {
    const lighting = light(move, permit, drac, journal, undo);
    await expect(lighting).rejects.toMatchObject({ code: "domain.unreachable", retry: "safe" });
    await expect(lighting).rejects.toThrow(/san\.example could not be asked/);
  } finally {
    await domains.start("san.example");
  }
  for (const { act } of undos.reverse()) await act();
  expect((await held(move)).grant).toBe("revoked");
  const live = (await drac().list()).filter(({ state }) => state !== "terminated" && state !== "timed-out");
  expect(live).toEqual([]);
}, 60_000);
