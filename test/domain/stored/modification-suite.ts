import { describe, expect, it } from "vitest";
import { at, END_MS, HOUR_MS, START_MS, type World } from "./coordinator-world.ts";

export function modificationSuite(world: World): void {
  describe("modifications", () => {
    const begin = (id: string, request: string, vm = "web") =>
      world.stores.modifications.begin(id, { request, vm, bandwidthMbps: 7.5, endMs: END_MS + HOUR_MS });

    it("are asked once, and open until all know of them, also after a restart", async () => {
      await world.reserved("c1");
      const asked = { request: "r1", vm: "web", bandwidthMbps: 7.5, endMs: END_MS + HOUR_MS, phase: "asked" };
      const begun = await Promise.all([begin("c1", "r1"), begin("c1", "r1", "db"), begin("c2", "r1")]);
      expect(begun).toContainEqual(undefined);
      expect(begun.filter((before) => before !== undefined)).toHaveLength(1);
      expect(await world.stores.modifications.open("c2")).toEqual([asked]);
      await world.stores.modifications.agree("c1", "r1");
      await world.reopen();
      expect(await world.stores.modifications.open("c1")).toMatchObject([{ request: "r1", phase: "agreed" }]);
      await world.stores.modifications.finish("c1", "r1");
      expect(await world.stores.modifications.open("c1")).toEqual([]);
      expect(await begin("c1", "r1")).toMatchObject({ request: "r1", phase: "done" });
    });

    it("change, once agreed, the connection and how long the VM uses it, and tell its owner", async () => {
      await world.reserved("c1");
      await world.stores.riders.board("c1", "db", END_MS);
      await begin("c1", "r1");
      const before = await world.stores.connections.find("c1");
      const agreed = await world.stores.modifications.agree("c1", "r1");
      const window = { start: at(START_MS), end: at(END_MS + HOUR_MS) };
      expect(agreed).toEqual({ ...before, connection: { ...before?.connection, bandwidthMbps: 7.5, window } });
      await world.reopen();
      expect(await world.stores.connections.find("c1")).toEqual(agreed);
      expect(await world.stores.riders.aboard("c1", END_MS)).toEqual(["web"]);
      expect(await world.told()).toEqual(["c1 reserved", "c1 modified"]);
    });

    it("bring no VM aboard that has left", async () => {
      await world.reserved("c1");
      await begin("c1", "r1");
      await world.stores.riders.leave("c1", "web", START_MS);
      await world.stores.modifications.agree("c1", "r1");
      expect(await world.stores.riders.aboard("c1", START_MS)).toEqual([]);
    });

    it("are agreed once, and forgotten only before", async () => {
      await world.reserved("c1");
      await begin("c1", "r1");
      const agree = () => world.stores.modifications.agree("c1", "r1");
      const outcomes = await Promise.allSettled([agree(), agree()]);
      expect(outcomes.map(({ status }) => status).toSorted()).toEqual(["fulfilled", "rejected"]);
      await world.stores.modifications.forget("c1", "r1");
      expect(await world.stores.modifications.open("c1")).toMatchObject([{ phase: "agreed" }]);
      await begin("c1", "r2");
      await world.stores.modifications.finish("c1", "r2");
      expect(await world.stores.modifications.open("c1")).toHaveLength(2);
      await world.stores.modifications.forget("c1", "r2");
      expect(await begin("c1", "r2")).toBeUndefined();
    });

    it("that cannot be agreed leave nothing", async () => {
      await world.reserved("c1");
      await expect(world.stores.modifications.agree("c1", "unknown")).rejects.toThrow();
      await begin("unknown", "r1");
      await expect(world.stores.modifications.agree("unknown", "r1")).rejects.toThrow();
      expect(await world.stores.modifications.open("unknown")).toMatchObject([{ phase: "asked" }]);
      expect((await world.stores.connections.find("c1"))?.connection.bandwidthMbps).toBe(2.5);
      expect(await world.told()).toEqual(["c1 reserved"]);
    });
  });
}
