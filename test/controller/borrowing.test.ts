import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { placeOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal, removeJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { leavePorts } from "../../provider/controller/ports.ts";
import { type Domains, startDomains } from "../domain/agents.ts";
import { AMS, policiesUpTo } from "../domain/testbed.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const ON_DEMAND = { kind: "on-demand", bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
/** Refuses what it is told all of. */
const TOLD = `
  @id("told") @reason("all of it was told") forbid (principal, action, resource) when {
    resource.hasTag("tier") && resource.getTag("tier") == "gold" && context.purpose == "drill" && context.encrypted &&
    context.from == Site::"${AMS}" && context.from.jurisdiction == "eu" && context.to.jurisdiction == "us"
  };`;
let domains: Domains;
let sites: TwoSites;
let undos: { what: string; act: () => Promise<void> }[];

beforeAll(async () => {
  domains = await startDomains(undefined, (name) =>
    name === "transit.example" ? `${policiesUpTo(700)} ${TOLD}` : policiesUpTo(1_000),
  );
});
afterAll(async () => domains?.end());
beforeEach(async () => {
  sites = await twoSites();
  undos = [];
});
afterEach(async () => sites?.close());

const undo = (what: string, act: () => Promise<void>) => void undos.push({ what, act });
const waits = (why: string) => expect.unreachable(why);
const company = (move: Move) => ({ berth: placeOf(move, sites.context).berth, waits });
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

test("domains are told the VM's labels and purpose, the sites' labels, which way it goes, and whether it is encrypted", async () => {
  const { move } = await begun();
  const labelled = (end: Move["from"], jurisdiction: string) => {
    return { ...end, location: { ...end.location, labels: { jurisdiction } } };
  };
  const ends = { from: labelled(move.from, "eu"), to: labelled(move.to, "us") };
  const told = { ...ends, labels: { tier: "gold", purpose: "drill" } };
  const tried = async (change: Partial<Move>) => {
    const { move, journal } = await begun({ ...told, ...change });
    await (await authorize(move, aaa, journal, undo))?.giveBack();
  };
  const refused = { code: "domain.refused", message: expect.stringMatching(/policy "told" .*all of it was told/) };
  await expect(tried({})).rejects.toMatchObject(refused);
  await tried({ labels: { tier: "gold" } });
  await tried({ labels: { purpose: "drill" } });
  await tried({ to: labelled(move.to, "eu") });
  await tried({ from: ends.to, to: ends.from });
  const home = domains.bed.records["ams.example"];
  await tried({ path: { ...ON_DEMAND, home, encryption: "none" } });
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
  const path = await light(move, permit, drac, journal, undo, company(move));
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

test("a domain that is silent when the path is lit: what was reserved is taken back by the undos", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  await domains.stop("san.example");
  try {
    const lighting = light(move, permit, drac, journal, undo, company(move));
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

/** Another VM's move between the same hosts. */
async function neighbour(name: string) {
  const { move: first } = await begun();
  const at = (end: Move["to"]) => ({ ...end, place: { ...end.place, directory: `${end.record.storage}/${name}` } });
  const move = { ...first, id: name, vm: { ...first.vm, name }, from: at(first.from), to: at(first.to) };
  return { move, journal: new Journal({ move: name, from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)) };
}

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
    expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
    await path.putOut();
  }
  expect(states).toEqual(["provisioned", "provisioned", "provisioned"]);
  expect((await drac().query(lit[0]?.path.connectionId ?? ""))?.state).toBe("terminated");
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  for (const { permit } of lit) await permit?.giveBack();
});

test("a VM without consent rides on nobody's path, and the others stay on it", async () => {
  const [one, two] = await Promise.all([neighbour("one"), neighbour("two")]);
  const [first, second] = [company(one.move), company(two.move)];
  const permit = await authorize(one.move, aaa, one.journal, undo);
  const path = await light(one.move, permit, drac, one.journal, undo, first);
  undos = [];
  const revoked = await authorize(two.move, aaa, two.journal, undo);
  await revoked?.giveBack();
  const joining = light(two.move, revoked, drac, two.journal, undo, second);
  await expect(joining).rejects.toMatchObject({ code: "domain.refused", message: expect.stringMatching(/is revoked/) });
  for (const { act } of undos.reverse()) await act();
  expect(await held(one.move)).toEqual({ grant: "active", connection: "provisioned" });
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
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
  await leavePorts(sites.context, [first.from, first.to], first.from, one);
  await giveBack({ aaa, lightpath: drac }, "one", one.borrowed);
  await removeJournal(shelfOf(first.to));
  expect(await held(second)).toEqual({ grant: "active", connection: "provisioned" });
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
  await leavePorts(sites.context, [second.from, second.to], second.from, two);
  await giveBack({ aaa, lightpath: drac }, "two", two.borrowed);
  expect(await held(second)).toEqual({ grant: "revoked", connection: "terminated" });
  for (const site of ["ams", "san"] as const) {
    expect(await sites.ip(site, "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  }
});
