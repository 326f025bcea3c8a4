import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { peakMbps } from "../../../provider/domain/drac/calendar.ts";
import type { OtherVersion, Ride, StoredSegment } from "../../../provider/domain/drac/stored/segment.ts";
import { type Change, type Question, type SegmentStore, turn } from "../../../provider/domain/drac/stored/segments.ts";
import type { Sight } from "../../../provider/domain/drac/stored/sight.ts";

/** A database that holds nothing yet. */
export interface OpenStore {
  readonly store: SegmentStore;
  /** The same database over another connection: what another agent would see, or this one after a restart. */
  another(): Promise<SegmentStore>;
  close(): Promise<void>;
}

const HOUR_MS = 3_600_000;
const COORDINATOR = "ams.example";
const GRANT = "ams.example g1";
const NEAR = { port: "near", channel: 0 };
const FAR = { port: "far", channel: 3 };
const TOKEN = { home: "ams.example", token: "t1", vm: "second" };
const COMPETITORS = 20;

function segment(changes: Partial<StoredSegment> = {}): StoredSegment {
  const nowMs = Date.now();
  return {
    ...{ coordinator: COORDINATOR, id: "c1", state: "reserved", from: "here", to: "there", vm: "first", grant: GRANT },
    ...{ bandwidthMbps: 400, mtu: 9_000, startMs: nowMs - HOUR_MS, endMs: nowMs + HOUR_MS },
    ...{ holdExpiresMs: nowMs + HOUR_MS, ends: [NEAR, FAR], ...changes },
  };
}

function version(changes: Partial<OtherVersion> = {}): OtherVersion {
  const nowMs = Date.now();
  const { request, grant } = { request: "r1", grant: "ams.example g2" };
  const [endMs, expiresMs] = [nowMs + 2 * HOUR_MS, nowMs + HOUR_MS];
  return { request, grant, bandwidthMbps: 900, endMs, phase: "held", expiresMs, ...changes };
}

const ride = (changes: Partial<Ride> = {}): Ride => ({
  ...{ ...TOKEN, grant: "ams.example g2", untilMs: Date.now() + HOUR_MS },
  ...changes,
});

/** What any implementation of the port does. `open`: called before each test. */
export function segmentStoreSuite(name: string, open: () => Promise<OpenStore>): void {
  describe(`segments kept in ${name}`, () => {
    let opened: OpenStore;
    let store: SegmentStore;
    beforeEach(async () => {
      opened = await open();
      ({ store } = opened);
    });
    afterEach(async () => await opened.close());

    const write = (of: Question["of"], ...changes: readonly Change[]) =>
      store.change({ of }, () => ({ changes, answer: undefined }));
    async function insert(changes: Partial<StoredSegment> = {}): Promise<StoredSegment> {
      const one = segment(changes);
      await write(one, { kind: "insert", segment: one });
      return one;
    }
    const look = <T>(question: Question, at: (sight: Sight) => T) =>
      store.change(question, (sight) => ({ changes: [], answer: at(sight) }));
    const taken = async (port: string) => await store.bookings(port, Date.now());

    it("keeps all of a segment, for whoever opens it next", async () => {
      const one = await insert();
      const again = await opened.another();
      expect(await again.find(one)).toEqual({ ...one, other: undefined });
      expect(await again.find({ coordinator: COORDINATOR, id: "c2" })).toBeUndefined();
      expect(await again.find({ coordinator: "san.example", id: one.id })).toBeUndefined();
      expect(await again.inState("reserved")).toHaveLength(1);
      expect(await again.inState("held")).toEqual([]);
    });

    it("keeps nothing of what is thrown at", async () => {
      const one = segment();
      const thrown = store.change({ of: one }, () => {
        throw new RangeError("no");
      });
      await expect(thrown).rejects.toThrow(RangeError);
      // The second write fails: there is no other version to put in force.
      const half = write(one, { kind: "insert", segment: one }, { kind: "swap versions", phase: "committed" });
      await expect(half).rejects.toThrow();
      expect(await store.find(one)).toBeUndefined();
      await insert();
      await expect(insert({ vm: "another" })).rejects.toThrow();
      expect((await store.find(one))?.vm).toBe("first");
    });

    it("lets one of many have what only one can have", async () => {
      const other = await opened.another();
      const want = (through: SegmentStore, id: string) => {
        const one = segment({ id });
        return through.change({ of: one, ports: ["near"] }, (sight) => {
          const free = sight.bookings("near").length === 0;
          return { changes: free ? [{ kind: "insert", segment: one }] : [], answer: free };
        });
      };
      const asked = Array.from({ length: COMPETITORS }, (_, n) => want(n % 2 === 0 ? store : other, `c${n}`));
      expect((await Promise.all(asked)).filter(Boolean)).toHaveLength(1);
      expect(await store.inState("reserved")).toHaveLength(1);
    });

    it("turns a state once, whoever is first", async () => {
      const one = await insert({ state: "held" });
      const other = await opened.another();
      const turns = [turn(store, one, ["held"], "reserved"), turn(other, one, ["held"], "timed-out")];
      const [committed, timedOut] = await Promise.all(turns);
      expect([committed, timedOut].filter(Boolean)).toHaveLength(1);
      expect((await store.find(one))?.state).toBe(committed ? "reserved" : "timed-out");
      expect(await turn(store, { coordinator: COORDINATOR, id: "c2" }, ["held"], "reserved")).toBe(false);
    });

    it("does not answer what it was not asked", async () => {
      const one = await insert();
      await expect(look({ of: one, ports: ["near"] }, (sight) => sight.bookings("far"))).rejects.toThrow(TypeError);
      await expect(look({ of: one }, (sight) => sight.underGrant)).rejects.toThrow(TypeError);
      await expect(look({ of: one }, (sight) => sight.token)).rejects.toThrow(TypeError);
    });

    it("tells what is taken of a port: not by what is over, nor by holds that ran out", async () => {
      await insert();
      await insert({ id: "c2", state: "held", ends: [{ ...NEAR, channel: 1 }, FAR] });
      await insert({ id: "c3", state: "held", holdExpiresMs: Date.now() - 1 });
      await insert({ id: "c4", state: "terminated" });
      await insert({ id: "c5", endMs: Date.now() - 1 });
      expect((await taken("near")).map(({ channel, mbps }) => [channel, mbps])).toEqual([
        [0, 400],
        [1, 400],
      ]);
      expect(await taken("elsewhere")).toEqual([]);
    });

    it("takes for a segment whichever of its versions takes more, until one is dropped", async () => {
      const one = await insert();
      await write(one, { kind: "hold version", other: version() });
      const within = { fromMs: Date.now(), untilMs: one.endMs };
      const later = { fromMs: one.endMs, untilMs: one.endMs + HOUR_MS };
      const peaks = async () => [peakMbps(await taken("near"), within), peakMbps(await taken("near"), later)];
      expect(await peaks()).toEqual([900, 900]);
      await write(one, { kind: "swap versions", phase: "committed" });
      expect(await store.find(one)).toMatchObject({
        ...{ bandwidthMbps: 900, grant: "ams.example g2", vm: "first" },
        other: { bandwidthMbps: 400, grant: GRANT, endMs: one.endMs, phase: "committed", request: "r1" },
      });
      expect(await peaks()).toEqual([900, 900]);
      await write(one, { kind: "swap versions", phase: "held" }, { kind: "drop version" });
      expect(await store.find(one)).toEqual({ ...one, other: undefined });
      expect(await peaks()).toEqual([400, 0]);
    });

    it("takes no more for a version whose hold ran out", async () => {
      const one = await insert();
      await write(one, { kind: "hold version", other: version({ expiresMs: Date.now() - 1 }) });
      expect(peakMbps(await taken("near"), { fromMs: Date.now(), untilMs: one.endMs })).toBe(400);
    });

    it("keeps room for the way back of what was shortened, after its new end", async () => {
      const one = await insert();
      await write(one, { kind: "hold version", other: version({ endMs: Date.now() - 1 }) });
      await write(one, { kind: "swap versions", phase: "committed" });
      expect((await store.find(one))?.endMs).toBeLessThan(Date.now());
      expect(peakMbps(await taken("near"), { fromMs: Date.now() + 1, untilMs: one.endMs })).toBe(400);
    });

    it("counts under a grant what is reserved, changed and joined by it", async () => {
      const one = await insert();
      await insert({ id: "c2", grant: "ams.example g3", bandwidthMbps: 100 });
      const span = { fromMs: Date.now(), untilMs: Date.now() + HOUR_MS / 2 };
      const under = (name: string, butOwn?: true) =>
        look({ of: one, grant: { name, ...(butOwn ? { butOwn } : {}) } }, (sight) => peakMbps(sight.underGrant, span));
      expect(await under(GRANT)).toBe(400);
      expect(await under(GRANT, true)).toBe(0);
      expect(await under("ams.example g2")).toBe(0);
      await write(one, { kind: "board", ride: ride() });
      expect(await under("ams.example g2")).toBe(400);
      await write(one, { kind: "alight", vm: "second" });
      expect(await under("ams.example g2")).toBe(0);
      await write(one, { kind: "hold version", other: version() });
      expect(await under("ams.example g2")).toBe(900);
    });

    it("knows who rides, until they leave or their right ends", async () => {
      const one = await insert();
      const aboard = () => look({ of: one }, (sight) => [...sight.aboard].sort());
      await write(one, { kind: "board", ride: ride() });
      await write(one, { kind: "board", ride: ride({ token: "t2", vm: "third" }) });
      await write(one, { kind: "board", ride: ride({ token: "t3", vm: "late", untilMs: Date.now() - 1 }) });
      expect(await aboard()).toEqual(["second", "third"]);
      await write(one, { kind: "alight", vm: "second" });
      await write(one, { kind: "alight", vm: "nobody" });
      expect(await aboard()).toEqual(["third"]);
      const found = await look({ of: one, token: TOKEN }, ({ token }) => token.ride);
      expect(found).toMatchObject({ id: one.id, vm: "second", ended: true });
      await expect(write(one, { kind: "board", ride: ride() })).rejects.toThrow();
    });

    it("knows what a token serves for, and the latest epoch of its VM, after a restart too", async () => {
      const one = await insert();
      const two = await insert({ id: "c2" });
      const use = { ...TOKEN, epoch: 5, expiresMs: Date.now() + HOUR_MS };
      const record = (of: Question["of"], token = TOKEN) => look({ of, token }, (sight) => sight.token);
      expect(await record(one)).toEqual({ serves: undefined, ride: undefined, latestEpoch: undefined });
      await write(one, { kind: "use token", use });
      await write(one, { kind: "use token", use });
      await write(one, { kind: "use token", use: { ...use, token: "t9", epoch: 9, expiresMs: Date.now() - 1 } });
      await write(one, { kind: "use token", use: { ...use, token: "t0", epoch: undefined } });
      store = await opened.another();
      expect(await record(one)).toMatchObject({ serves: { coordinator: COORDINATOR, id: "c1" }, latestEpoch: 5 });
      expect(await record(two)).toMatchObject({ serves: { id: "c1" }, latestEpoch: undefined });
      expect(await record(one, { ...TOKEN, token: "t2" })).toMatchObject({ serves: undefined, latestEpoch: 5 });
      expect(await record(one, { ...TOKEN, vm: "third" })).toMatchObject({ latestEpoch: undefined });
    });
  });
}
