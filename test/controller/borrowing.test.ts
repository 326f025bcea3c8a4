import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { authorize } from "../../provider/controller/authorize.ts";
import type { Move } from "../../provider/controller/move.ts";
import { Lenders, ON_DEMAND } from "./lenders.ts";

const lenders = new Lenders();
const { aaa, begun, held, undo } = lenders;

beforeAll(() => lenders.open());
afterAll(() => lenders.close());
beforeEach(() => lenders.prepare());
afterEach(() => lenders.end());

test("a grant is asked of every domain, journaled without its text, and given back", async () => {
  const { move, journal } = await begun();
  const permit = await authorize(move, aaa, journal, undo);
  expect(permit?.domains).toEqual(["ams.example", "transit.example", "san.example"]);
  expect(await held(move)).toEqual({ grant: "active" });
  const text = await move.from.host.readFile(`${move.from.place.directory}/journal.json`);
  expect(text).not.toMatch(/eyJ/);
  expect(text).not.toContain(permit?.token);
  expect(lenders.undos.map(({ what }) => what)).toEqual(["the grant"]);
  await permit?.giveBack();
  expect(await held(move)).toEqual({ grant: "revoked" });
});

test("a fixed path asks nobody", async () => {
  const { move, journal } = await begun({
    path: { kind: "fixed", bandwidthMbps: 200, mtu: 9000, rttMs: 1, encryption: "tls" },
  });
  expect(await authorize(move, aaa, journal, undo)).toBeUndefined();
  expect(lenders.undos).toEqual([]);
});

test("a domain on the way that refuses is named with its reason, and nothing is to be taken back", async () => {
  const home = lenders.domains.bed.records["ams.example"];
  const { move, journal } = await begun({ path: { ...ON_DEMAND, home, bandwidthMbps: 800 } });
  const asked = authorize(move, aaa, journal, undo);
  await expect(asked).rejects.toMatchObject({ code: "domain.refused", retry: "never" });
  await expect(asked).rejects.toThrow(/transit\.example refused .*700 Mbps/);
  expect(lenders.undos).toEqual([]);
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
  const home = lenders.domains.bed.records["ams.example"];
  await tried({ path: { ...ON_DEMAND, home, encryption: "none" } });
});

test("a grant declared ahead is used if it is active, never revoked, and refused if it is not", async () => {
  const window = { start: new Date().toISOString(), end: new Date(Date.now() + 600_000).toISOString() };
  const { move, journal } = await begun();
  const between: [string, string] = [move.from.location.stp, move.to.location.stp];
  const declared = await aaa().requestGrant({ between, bandwidthMbps: 600, window, vm: move.vm.name });
  const grant = { ...declared, home: lenders.domains.bed.records["ams.example"] };
  const permit = await authorize({ ...move, grant }, aaa, journal, undo);
  await permit?.giveBack();
  expect((await aaa().grantStatus(declared.id))?.state).toBe("active");
  await aaa().revokeGrant(declared.id);
  await expect(authorize({ ...move, grant }, aaa, journal, undo)).rejects.toThrow(
    new RegExp(`the grant ${declared.id} is revoked`),
  );
});
