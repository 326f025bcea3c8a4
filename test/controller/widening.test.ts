import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import { giveBack } from "../../provider/controller/give-back.ts";
import { readJournal } from "../../provider/controller/journal.ts";
import { light } from "../../provider/controller/light.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { haveTime, timeKeeper } from "../../provider/controller/time-keeper.ts";
import { extend, raise, SharedPath } from "../../provider/controller/widen.ts";
import { Lenders, ON_DEMAND } from "./lenders.ts";

const lenders = new Lenders();
const { aaa, begun, company, drac, held, neighbour, undo } = lenders;

beforeAll(() => lenders.open());
afterAll(() => lenders.close());
beforeEach(() => lenders.prepare());
afterEach(() => lenders.end());

/** As declared for a path that may be raised. */
const RAISABLE = { ...ON_DEMAND, maxBandwidthMbps: 680 } as const;
/** What is seen of it: at the domain, and at both hosts. */
async function seen(id: string | undefined) {
  const shapers = ["ams", "san"].map(async (site) => {
    const { host } = (await lenders.sites.moveOf())[site === "ams" ? "from" : "to"];
    return /rate (\d+Kbit|\d+Mbit)/.exec((await host.run(["tc", "qdisc", "show", "dev", "lp0"])).stdout)?.[1];
  });
  const connection = await drac().query(id ?? "");
  return { rate: connection?.bandwidthMbps, state: connection?.state, shapers: await Promise.all(shapers) };
}
const standing = async () => (await aaa().listGrants()).map(({ vm }) => vm);

test("a path is raised to what is declared, by a right asked for then, at the domains and at both hosts, for all on it", async () => {
  const home = lenders.domains.bed.records["ams.example"];
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
  // As after a crash: all that the journal says was asked for is given back.
  await giveBack({ aaa, lightpath: drac }, "two", journal?.borrowed ?? { declared: false });
  expect((await standing()).length).toBe(before.length + 3);
  for (const { path: lit, permit } of [second, third, first]) {
    await lit.putOut();
    await permit?.giveBack();
  }
  expect((await drac().query(first.path.connectionId ?? ""))?.state).toBe("terminated");
  expect(await standing()).toEqual(before);
});

test("a path that is not raised says why, by the domain that refuses, and is as it was", async () => {
  const home = lenders.domains.bed.records["ams.example"];
  const { move, journal } = await begun({ path: { ...RAISABLE, home, maxBandwidthMbps: 900 } });
  const permit = await authorize(move, aaa, journal, undo);
  const path = await light(move, permit, drac, journal, undo, company(move));
  expect(await path.raise()).toEqual({
    refused: expect.stringMatching(/transit\.example refused by its policy "rate" to grant 900 Mbps/),
  });
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

  const home = lenders.domains.bed.records["ams.example"];
  const declared = {
    kind: "reserved",
    connectionId: path.connectionId ?? "",
    home,
    bandwidthMbps: 600,
    mtu: 9000,
    afterUse: "release",
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
