import { DatabaseSync } from "node:sqlite";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import type { Context } from "../../provider/context.ts";
import { authorize } from "../../provider/controller/authorize.ts";
import { seatOf } from "../../provider/controller/company.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import type { GrantReference, PathChoice } from "../../provider/controller/placement.ts";
import { endRecast, staysRecast } from "../../provider/controller/recast-ended.ts";
import { recastAfter } from "../../provider/controller/recast-recovered.ts";
import { type Domains, startDomains, tokenRequestFor, windowIn, wishFor } from "../domain/agents.ts";
import { NAMES } from "../domain/testbed.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const VM = "tiny";
const RECAST = { recast: { bandwidthMbps: 50 } } as const;
const FULL = "provisioned 600";
const LESSER = "provisioned 50";
const everywhere = (what: string) => NAMES.map(() => what);

let domains: Domains;
let sites: TwoSites;
let undos: (() => Promise<void>)[];
let grant: GrantReference;
let id: string;

beforeAll(async () => {
  domains = await startDomains();
});
afterAll(async () => domains?.end());
beforeEach(async () => {
  sites = await twoSites();
  undos = [];
  const wish = wishFor({ vm: VM });
  const { from, to, bandwidthMbps, window } = wish;
  const home = domains.bed.records["ams.example"];
  grant = { ...(await aaa().requestGrant({ between: [from, to], bandwidthMbps, window, vm: VM })), home };
  const { token } = await aaa().mintToken({ ...tokenRequestFor(wish), grant: grant.jwt });
  id = (await drac().reserve(wish, token)).connectionId;
});
afterEach(async () => {
  await drac().terminate(id);
  await sites.close();
});

const aaa = () => domains.aaa("ams.example");
const drac = () => domains.drac("ams.example");
const undo = (_: string, act: () => Promise<void>) => void undos.push(act);
const context = (): Context => ({ ...sites.context, aaa, lightpath: drac });

/** What each domain has on record of the path, and what both hosts have. */
function onRecord(): string[] {
  return NAMES.map((name) => {
    const store = new DatabaseSync(`${domains.bed.directory}/${name}.sqlite`, { readOnly: true });
    const found = store.prepare("SELECT state, mbps FROM segments WHERE id = ?").get(id);
    store.close();
    return `${found?.state} ${found?.mbps}`;
  });
}
async function atHosts(): Promise<string[]> {
  const { from, to } = await sites.moveOf();
  return await Promise.all(
    [from, to].map(async ({ host, record }) => {
      const address = (await host.run(["ip", "-o", "-4", "address", "show", "dev", "lp0"])).stdout;
      const shaper = (await host.run(["tc", "qdisc", "show", "dev", "lp0"])).stdout;
      const on = address.includes(record.lightpath.address) ? "on" : "off";
      return `${on} ${/rate (\w+)/.exec(shaper)?.[1] ?? "unshaped"}`;
    }),
  );
}

type Declared = Extract<PathChoice, { kind: "reserved" }>;
const declared = (afterUse: Declared["afterUse"] = RECAST): Declared => ({
  ...{ kind: "reserved", connectionId: id, home: domains.bed.records["ams.example"] },
  ...{ bandwidthMbps: 600, mtu: 9000, afterUse, encryption: "tls" },
});

async function begun(epoch: number, path: PathChoice = declared()): Promise<{ move: Move; journal: Journal }> {
  const move = { ...(await sites.moveOf(path)), epoch, grant };
  const { from, to } = move;
  const locations = [from.location, to.location];
  return { move, journal: new Journal({ move: `m${epoch}`, from: "ams", to: "san", epoch, locations }, shelfOf(from)) };
}

async function lit({ move, journal }: { move: Move; journal: Journal }) {
  const permit = await authorize(move, aaa, journal, undo);
  const seat = seatOf(move, sites.context);
  const waits = (why: string) => expect.unreachable(why);
  const path = await light(move, permit, drac, journal, undo, { ...seat, waits, say: waits }).finally(() => {
    undos.push(async () => seat.berth.end());
  });
  return { path, end: () => seat.berth.end() };
}

async function takenBack(): Promise<void> {
  for (const act of undos.splice(0).reverse()) await act();
}

/** Reserves so much for another VM at the same time. */
async function taken(bandwidthMbps: number): Promise<string> {
  const wish = wishFor({ vm: "other", bandwidthMbps, window: windowIn(0, 300) });
  return (await drac().reserve(wish, await domains.tokenFor(wish))).connectionId;
}

test("a path goes on with less after each move, both hosts on it, and has all of it for the next one", async () => {
  expect(onRecord()).toEqual(everywhere("reserved 600"));
  for (const epoch of [2, 3]) {
    const { path, end } = await lit(await begun(epoch));
    expect(path.bandwidthMbps).toBe(600);
    expect(onRecord()).toEqual(everywhere(FULL));
    expect(await atHosts()).toEqual(["on 588Mbit", "on 588Mbit"]);
    await path.putOut();
    end();
    expect(onRecord()).toEqual(everywhere(LESSER));
    expect(await atHosts()).toEqual(["on 49Mbit", "on 49Mbit"]);
  }
  // What it does not carry is others' to have.
  await drac().terminate(await taken(950));
});

test("a path that cannot have its rate again is refused, and goes on as it was", async () => {
  const first = await lit(await begun(2));
  await first.path.putOut();
  first.end();
  const other = await taken(500);
  const lighting = lit(await begun(3));
  await expect(lighting).rejects.toMatchObject({ code: "domain.refused" });
  await expect(lighting).rejects.toThrow(
    new RegExp(`the path ${id}, re-cast to 50 Mbps, cannot be raised to 600 Mbps again: \\w+\\.example refused`),
  );
  await takenBack();
  expect(onRecord()).toEqual(everywhere(LESSER));
  expect(await atHosts()).toEqual(["on 49Mbit", "on 49Mbit"]);
  await drac().terminate(other);
});

test("a controller that was killed: the next one re-casts by its own token, by what the journal says", async () => {
  const killed = await begun(2);
  const { end } = await lit(killed);
  end();
  const journal = await readJournal(shelfOf(killed.move.from));
  if (!journal) throw new Error("there is no journal");
  expect(journal.borrowed).toMatchObject({ connection: id, declared: true, recastMbps: 50 });
  const ends = [killed.move.from, killed.move.to];
  // The same, however often: it may be killed itself.
  for (let times = 0; times < 2; times++) {
    expect(await recastAfter(context(), VM, journal, ends, grant)).toBe(true);
    expect(onRecord()).toEqual(everywhere(LESSER));
    expect(await atHosts()).toEqual(["on 49Mbit", "on 49Mbit"]);
  }
  expect(sites.told).toEqual([]);
});

test("without a right to change it, it is put out and not left with more", async () => {
  const killed = await begun(2);
  (await lit(killed)).end();
  const journal = await readJournal(shelfOf(killed.move.from));
  if (!journal) throw new Error("there is no journal");
  const ends = [killed.move.from, killed.move.to];
  expect(await recastAfter(context(), VM, journal, ends, undefined)).toBe(false);
  await aaa().revokeGrant(grant.id);
  expect(await recastAfter(context(), VM, journal, ends, grant)).toBe(false);
  expect(sites.told).toEqual([expect.stringMatching(new RegExp(`^tiny: the path ${id} is put out, .*revoked`))]);
  await giveBack({ aaa, lightpath: drac }, VM, journal.borrowed);
  expect(onRecord()).toEqual(everywhere("reserved 600"));
});

test("a path that its VM uses no more is put out, and its hosts are taken off it", async () => {
  const { path, end } = await lit(await begun(2));
  await path.putOut();
  end();
  expect(staysRecast(declared(), declared())).toBe(true);
  expect(staysRecast(declared(), declared("release"))).toBe(false);
  expect(staysRecast(declared(), { ...declared(), connectionId: "another" })).toBe(false);
  // What was not declared so is nobody's to put out.
  await endRecast(context(), declared("release"), [sites.ams, sites.san]);
  expect(onRecord()).toEqual(everywhere(LESSER));
  for (let times = 0; times < 2; times++) {
    await endRecast(context(), declared(), [sites.ams, sites.san]);
    expect(onRecord()).toEqual(everywhere("reserved 50"));
    expect(await atHosts()).toEqual(["off unshaped", "off unshaped"]);
  }
  // The next move finds it dark and lessened, and has all of it.
  const again = await lit(await begun(3, declared("release")));
  expect(onRecord()).toEqual(everywhere(FULL));
  await again.path.putOut();
  again.end();
  expect(onRecord()).toEqual(everywhere("reserved 600"));
  expect(await atHosts()).toEqual(["off unshaped", "off unshaped"]);
});

test("hosts stay on a device that another path is on by the time the old one is ended", async () => {
  const { path, end } = await lit(await begun(2));
  await path.putOut();
  end();
  await drac().terminate(id);
  const wish = wishFor({ vm: "other" });
  const token = await domains.tokenFor(wish);
  const { connectionId } = await drac().reserve(wish, token);
  await drac().provision(connectionId, token);
  await endRecast(context(), declared(), [sites.ams, sites.san]);
  expect(await atHosts()).toEqual(["on 49Mbit", "on 49Mbit"]);
  await drac().terminate(connectionId);
  await endRecast(context(), declared(), [sites.ams, sites.san]);
  expect(await atHosts()).toEqual(["off unshaped", "off unshaped"]);
});
