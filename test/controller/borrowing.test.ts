import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal, removeJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { leavePorts } from "../../provider/controller/ports.ts";
import { haveTime, timeKeeper } from "../../provider/controller/time-keeper.ts";
import { extend, raise, SharedPath } from "../../provider/controller/widen.ts";
import { type Domains, startDomains } from "../domain/agents.ts";
import { policiesUpTo } from "../domain/testbed.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const ON_DEMAND = { kind: "on-demand", bandwidthMbps: 600, mtu: 9000, encryption: "tls" } as const;
let domains: Domains;
let sites: TwoSites;
let undos: { what: string; act: () => Promise<void> }[];

beforeAll(async () => {
  domains = await startDomains(undefined, (name) => policiesUpTo(name === "transit.example" ? 700 : 1_000));
});
afterAll(async () => domains?.end());
beforeEach(async () => {
  sites = await twoSites();
  undos = [];
});
afterEach(async () => sites?.close());

const undo = (what: string, act: () => Promise<void>) => void undos.push({ what, act });
const waits = (why: string) => expect.unreachable(why);
const company = (move: Move) => ({ berth: seatOf(move, sites.context).berth, waits });
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
  // What another VM is on is not guessed where it cannot be read; what is no folder of a VM's has no say.
  const { host, record } = second.to;
  await host.writeFile(`${record.storage}/third/journal.json`, "{");
  await host.writeFile(`${record.storage}/third.lease`, "{}");
  const leaving = () => leavePorts(sites.context, [second.from, second.to], second.from, two);
  await expect(leaving()).rejects.toMatchObject({
    code: "move.failed",
    message: expect.stringMatching(/third\/journal/),
  });
  expect(await sites.ip("san", "-o", "-4", "address", "show", "dev", "lp0")).not.toBe("");
  await host.remove(`${record.storage}/third`);
  await leaving();
  await giveBack({ aaa, lightpath: drac }, "two", two.borrowed);
  expect(await held(second)).toEqual({ grant: "revoked", connection: "terminated" });
  for (const site of ["ams", "san"] as const) {
    expect(await sites.ip(site, "-o", "-4", "address", "show", "dev", "lp0")).toBe("");
  }
});

/** As declared for a path that may be raised; and what is seen of it: at the domain, and at both hosts. */
const RAISABLE = { ...ON_DEMAND, maxBandwidthMbps: 680 } as const;
async function seen(id: string | undefined) {
  const shapers = ["ams", "san"].map(async (site) => {
    const { host } = (await sites.moveOf())[site === "ams" ? "from" : "to"];
    return /rate (\d+Kbit|\d+Mbit)/.exec((await host.run(["tc", "qdisc", "show", "dev", "lp0"])).stdout)?.[1];
  });
  const connection = await drac().query(id ?? "");
  return { rate: connection?.bandwidthMbps, state: connection?.state, shapers: await Promise.all(shapers) };
}
const standing = async () => (await aaa().listGrants()).map(({ vm }) => vm);

test("a path is raised to what is declared, by a right asked for then, at the domains and at both hosts, for all on it", async () => {
  const home = domains.bed.records["ams.example"];
  const path = { ...RAISABLE, home };
  const moves = (await Promise.all(["one", "two", "three"].map(neighbour))).map(({ move, journal }) => ({
    ...{ move: { ...move, path }, journal },
  }));
  const [one, two, three] = moves;
  if (!one || !two || !three) throw new Error("a move is missing");
  const before = await standing();
  const berths = moves.map(({ move }) => company(move));
  const boarded = async ({ move, journal }: typeof one, berth = company(move)) => {
    const permit = await authorize(move, aaa, journal, undo);
    return { permit, path: await light(move, permit, drac, journal, undo, berth) };
  };
  const [first, second] = [await boarded(one, berths[0]), await boarded(two, berths[1])];
  expect(await seen(first.path.connectionId)).toEqual({
    rate: 600,
    state: "provisioned",
    shapers: ["588Mbit", "588Mbit"],
  });
  expect(await second.path.raise()).toEqual({ bandwidthMbps: 680 });
  expect(await seen(first.path.connectionId)).toMatchObject({ rate: 680, state: "provisioned" });
  expect((await seen(first.path.connectionId)).shapers).toEqual(["666400Kbit", "666400Kbit"]);
  expect([first.path.bandwidthMbps, second.path.bandwidthMbps]).toEqual([680, 680]);
  expect(await first.path.raise()).toEqual({
    refused: expect.stringMatching(/680 Mbps are the most that is declared/),
  });
  // Who comes later needs a right to what it carries by then, and gets it.
  const third = await boarded(three, berths[2]);
  expect(third.path.bandwidthMbps).toBe(680);
  const journal = await readJournal(shelfOf(two.move.from));
  expect(journal?.borrowed.further).toMatchObject([{ grant: expect.any(String) }]);
  expect((await standing()).length).toBe(before.length + 5);
  for (const { path: lit, permit } of [second, third, first]) {
    await lit.putOut();
    await permit?.giveBack();
  }
  expect((await drac().query(first.path.connectionId ?? ""))?.state).toBe("terminated");
  expect(await standing()).toEqual(before);
});

test("a path that is not raised says why, by the domain that refuses, and is as it was", async () => {
  const home = domains.bed.records["ams.example"];
  const { move, journal } = await begun({ path: { ...RAISABLE, home, maxBandwidthMbps: 900 } });
  const permit = await authorize(move, aaa, journal, undo);
  const path = await light(move, permit, drac, journal, undo, company(move));
  expect(await path.raise()).toEqual({ refused: expect.stringMatching(/transit\.example refused to grant 900 Mbps/) });
  expect(await seen(path.connectionId)).toEqual({ rate: 600, state: "provisioned", shapers: ["588Mbit", "588Mbit"] });
  // A grant that was asked for in vain is nothing to be given back.
  const asked = (await readJournal(shelfOf(move.from)))?.borrowed;
  await path.putOut();
  await giveBack({ aaa, lightpath: drac }, move.vm.name, { ...asked, declared: false });
  expect(await held(move)).toEqual({ grant: "revoked", connection: "terminated" });
  const undeclared = await begun();
  const other = await authorize(undeclared.move, aaa, undeclared.journal, undo);
  const plain = await light(undeclared.move, other, drac, undeclared.journal, undo, company(undeclared.move));
  expect(await plain.raise()).toEqual({ refused: "no maxBandwidthMbps is declared for it" });
  await plain.putOut();
  await other?.giveBack();
});

test("a reservation that would end too early is extended by a right to more; a declared one is not the move's to extend", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  const path = await light(move, permit, drac, journal, undo, company(move));
  const told: string[] = [];
  const tell = (line: string) => void told.push(line);
  await haveTime("migrate", 60_000, path, tell);
  expect(told).toEqual([]);
  await haveTime("migrate", 2 * 3_600_000, path, tell);
  const connection = await drac().query(path.connectionId ?? "");
  expect(connection).toMatchObject({ state: "provisioned", bandwidthMbps: 600, window: { end: path.endsAt } });
  expect(Date.parse(path.endsAt ?? "")).toBeGreaterThan(Date.now() + 2 * 3_600_000);
  expect(told).toEqual([`the reservation is extended to ${path.endsAt}`]);
  const keep = timeKeeper(path, tell);
  const copy = { what: "memory", doneBytes: 0, totalBytes: 36_000 * 1e6, bytesPerSecond: 1e6 } as const;
  keep({ ...copy, totalBytes: 1e6 });
  keep(copy);
  keep(copy);
  await expect.poll(() => told.length, { timeout: 20_000 }).toBe(2);
  expect(Date.parse(path.endsAt ?? "")).toBeGreaterThan(Date.now() + 10 * 3_600_000);
  await path.putOut();
  await permit?.giveBack();

  const home = domains.bed.records["ams.example"];
  const declared = {
    kind: "reserved",
    connectionId: path.connectionId ?? "",
    home,
    bandwidthMbps: 600,
    mtu: 9000,
  } as const;
  const asker = { move: { ...move, path: { ...declared, encryption: "tls" } as const }, permit, lightpath: drac() };
  const shared = new SharedPath(connection, [end(move.from), end(move.to)], 1);
  expect(await raise(shared, asker)).toEqual({ refused: "it was declared, with 600 Mbps" });
  const late = { endsAt: connection?.window.end, extend: (untilMs: number) => extend(shared, asker, untilMs) };
  const refused = haveTime("migrate", 100 * 3_600_000, late, tell);
  await expect(refused).rejects.toMatchObject({
    code: "move.failed",
    next: expect.stringMatching(/Declare a Lightpath .* later window/),
  });
  await expect(refused).rejects.toThrow(
    /the reservation ends at .*, and is not extended: it is that of a declared Lightpath/,
  );
  expect(told).toHaveLength(2);
});

const end = ({ host, record }: Move["from"]) => ({
  ...{ host, device: "lp0", address: record.lightpath.address, peerAddress: record.lightpath.address },
  ...{ mtu: 9000, bandwidthMbps: 600, initialWindowSegments: 10 },
});
