import { describe, expect, it } from "vitest";
import { END_MS, START_MS, type World } from "./coordinator-world.ts";

export function riderSuite(world: World): void {
  describe("riders", () => {
    it("use it until their right ends, also after a restart", async () => {
      await world.stores.riders.board("c1", "web", END_MS);
      await world.stores.riders.board("c1", "db", START_MS);
      await world.stores.riders.board("c2", "cache", END_MS);
      await world.reopen();
      expect(await world.stores.riders.aboard("c1", START_MS - 1)).toEqual(["db", "web"]);
      expect(await world.stores.riders.aboard("c1", START_MS)).toEqual(["web"]);
      await world.stores.riders.board("c1", "db", END_MS);
      expect(await world.stores.riders.aboard("c1", START_MS)).toEqual(["db", "web"]);
    });

    it("know, when they leave, who is left: of several that leave at once one is the last", async () => {
      const vms = ["cache", "db", "web"];
      await Promise.all(vms.map((vm) => world.stores.riders.board("c1", vm, END_MS)));
      await world.stores.riders.board("c1", "late", START_MS);
      const left = await Promise.all(vms.map((vm) => world.stores.riders.leave("c1", vm, START_MS)));
      expect(left.map(({ length }) => length).toSorted()).toEqual([0, 1, 2]);
      expect(await world.stores.riders.leave("c1", "web", START_MS)).toEqual([]);
    });
  });
}
