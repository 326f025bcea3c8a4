import { describe, expect, it } from "vitest";
import type { StoredConnection } from "../../../provider/domain/drac/stored/connections.ts";
import type { ConnectionState } from "../../../provider/lightpath/drac/wire.ts";
import { at, connectionNamed, END_MS, START_MS, type World } from "./coordinator-world.ts";

export function connectionSuite(world: World): void {
  describe("connections", () => {
    const idsOf = (all: readonly StoredConnection[]) => all.map(({ connection }) => connection.connectionId).toSorted();

    it("are found as they were noted, also after a restart", async () => {
      const connection = connectionNamed("c1");
      await world.stores.connections.insert({ owner: "alice", holdExpiresMs: START_MS, connection });
      const noted = { owner: "alice", intent: undefined, holdExpiresMs: START_MS };
      const held = { ...noted, connection: { ...connection, holdExpiresAt: at(START_MS) } };
      expect(await world.stores.connections.find("c1")).toEqual(held);
      await world.stores.connections.setIntent("c1", "commit");
      await world.reopen();
      expect(await world.stores.connections.find("c1")).toEqual({ ...held, intent: "commit" });
      await world.stores.connections.setState("c1", "reserved");
      expect(await world.stores.connections.find("c1")).toEqual({
        ...noted,
        connection: { ...connection, state: "reserved" },
      });
      expect(await world.stores.connections.find("c2")).toBeUndefined();
      const { constraints: _, ...plain } = connectionNamed("c3", { state: "reserved" });
      await world.stores.connections.insert({ ...noted, connection: plain });
      expect((await world.stores.connections.find("c3"))?.connection).toEqual(plain);
    });

    it("are used by the VM that they are reserved for, until their end", async () => {
      await world.insert("c1");
      expect(await world.stores.riders.aboard("c1", END_MS - 1)).toEqual(["web"]);
      expect(await world.stores.riders.aboard("c1", END_MS)).toEqual([]);
    });

    it("have a name each: a second one of that name leaves nothing", async () => {
      await world.insert("c1");
      await expect(world.insert("c1", "bob", { vm: "db" })).rejects.toThrow();
      const both = await Promise.allSettled([world.insert("c2"), world.insert("c2")]);
      expect(both.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      expect(idsOf(await world.stores.connections.ownedBy("alice"))).toEqual(["c1", "c2"]);
      expect(await world.stores.connections.ownedBy("bob")).toEqual([]);
      expect(await world.stores.riders.aboard("c1", START_MS)).toEqual(["web"]);
    });

    it("are open until they are over everywhere", async () => {
      await Promise.all(["held", "begun", "ended", "late"].map((id) => world.insert(id)));
      await world.stores.connections.setIntent("begun", "provision");
      await world.stores.connections.setState("ended", "terminated");
      await world.stores.connections.setState("late", "timed-out");
      expect(idsOf(await world.stores.connections.open())).toEqual(["begun", "held"]);
      await world.stores.connections.setIntent("late", "terminate");
      expect(idsOf(await world.stores.connections.open())).toEqual(["begun", "held", "late"]);
    });

    it("have one intent replaced by another wherever it is", async () => {
      await Promise.all(["c1", "c2", "c3", "c4"].map((id) => world.insert(id)));
      await Promise.all(["c1", "c2"].map((id) => world.stores.connections.setIntent(id, "commit")));
      await world.stores.connections.setIntent("c3", "provision");
      await world.stores.connections.replaceIntent("commit", "terminate");
      const all = await Promise.all(["c1", "c2", "c3", "c4"].map((id) => world.stores.connections.find(id)));
      expect(all.map((one) => one?.intent)).toEqual(["terminate", "terminate", "provision", undefined]);
    });

    it("tell their owner of each new state once, whoever else says the same", async () => {
      await world.insert("c1");
      const setState = (state: ConnectionState) => world.stores.connections.setState("c1", state);
      await Promise.all([setState("reserved"), setState("reserved"), setState("reserved")]);
      await setState("provisioned");
      expect(await world.told()).toEqual(["c1 reserved", "c1 provisioned"]);
      await world.stores.connections.setState("unknown", "reserved");
      expect(await world.told()).toHaveLength(2);
    });
  });

  describe("a hold", () => {
    const wish = { from: "ams.example:a", window: { start: at(START_MS), end: at(END_MS) } };

    it("is told to its owner, and found by its request, also after a restart", async () => {
      await world.insert("c1");
      const held = await world.stores.connections.hold("c1", START_MS + 1, { requestId: "r1", wish });
      expect(held.connection).toMatchObject({ connectionId: "c1", state: "held", holdExpiresAt: at(START_MS + 1) });
      await world.reopen();
      expect(await world.stores.connections.findByRequest("alice", "r1")).toEqual({ found: held, wish });
      expect(await world.stores.connections.findByRequest("bob", "r1")).toBeUndefined();
      expect(await world.stores.connections.findByRequest("alice", "r2")).toBeUndefined();
      expect(await world.told()).toEqual(["c1 held"]);
    });

    it("without a request is found by none", async () => {
      await world.insert("c1");
      expect((await world.stores.connections.hold("c1", START_MS + 1, undefined)).holdExpiresMs).toBe(START_MS + 1);
      expect(await world.told()).toEqual(["c1 held"]);
    });

    it("by one request is had by one connection: the other's leaves nothing", async () => {
      await Promise.all([world.insert("c1"), world.insert("c2")]);
      const hold = (id: string) => world.stores.connections.hold(id, START_MS + 1, { requestId: "r1", wish: { id } });
      const outcomes = await Promise.allSettled([hold("c1"), hold("c2")]);
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      const [mine, other] = outcomes[0]?.status === "fulfilled" ? ["c1", "c2"] : ["c2", "c1"];
      expect((await world.stores.connections.findByRequest("alice", "r1"))?.wish).toEqual({ id: mine });
      expect((await world.stores.connections.find(other))?.holdExpiresMs).toBe(START_MS);
      expect(await world.told()).toEqual([`${mine} held`]);
    });

    it("does not bring back what is over", async () => {
      await world.insert("c1");
      await world.stores.connections.setState("c1", "timed-out");
      const held = await world.stores.connections.hold("c1", START_MS + 1, { requestId: "r1", wish });
      expect(held).toMatchObject({ holdExpiresMs: START_MS, connection: { state: "timed-out" } });
      expect(await world.told()).toEqual(["c1 timed-out"]);
      await expect(world.stores.connections.hold("unknown", START_MS, undefined)).rejects.toThrow();
    });
  });
}
