import { describe, expect, it } from "vitest";
import { MOST_KEPT, type World } from "./coordinator-world.ts";

export function noticeSuite(world: World): void {
  describe("notices", () => {
    it("are each owner's own, in order, from the one after which it asks", async () => {
      expect(await world.stores.notices.last()).toBe(0);
      await Promise.all([world.insert("c1"), world.insert("c2", "bob")]);
      const beforeMs = Date.now();
      await world.stores.connections.setState("c1", "reserved");
      await world.stores.connections.setState("c2", "reserved");
      await world.stores.connections.setState("c1", "terminated");
      await world.reopen();
      const all = await world.stores.notices.since("alice", 0);
      expect(await world.told()).toEqual(["c1 reserved", "c1 terminated"]);
      expect(await world.told("bob")).toEqual(["c2 reserved"]);
      const [first, second] = all.map(({ sequence }) => sequence);
      expect(await world.stores.notices.since("alice", first ?? 0)).toEqual(all.slice(1));
      expect(await world.stores.notices.last()).toBe(second);
      const [atMs] = all.map(({ notification }) => Date.parse(notification.at));
      expect(atMs).toBeGreaterThanOrEqual(beforeMs);
      expect(atMs).toBeLessThanOrEqual(Date.now());
    });

    it("are kept up to a number, all owners' together; none takes the place of one before", async () => {
      await Promise.all([world.insert("c1"), world.insert("c2", "bob")]);
      await world.stores.connections.setState("c2", "reserved");
      const last = await world.stores.notices.last();
      const states = Array.from({ length: MOST_KEPT + 1 }, (_, index) => (index % 2 ? "reserved" : "provisioned"));
      for (const state of states) await world.stores.connections.setState("c1", state);
      expect(await world.told("bob")).toEqual([]);
      expect(await world.told()).toEqual(states.slice(1).map((state) => `c1 ${state}`));
      await world.reopen();
      expect((await world.stores.notices.since("alice", 0)).every(({ sequence }) => sequence > last)).toBe(true);
    });

    it("can be read by who hears of them", async () => {
      await world.insert("c1");
      const heard = Promise.withResolvers<string>();
      world.stores.notices.whenNoted((owner) =>
        heard.resolve(world.told(owner).then((all) => `${owner}: ${all.join()}`)),
      );
      await world.stores.connections.setState("c1", "reserved");
      expect(await heard.promise).toBe("alice: c1 reserved");
    });
  });
}
