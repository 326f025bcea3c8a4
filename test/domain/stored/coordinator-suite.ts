import { describe } from "vitest";
import { connectionSuite } from "./connection-suite.ts";
import { type OpenCoordinator, World } from "./coordinator-world.ts";
import { modificationSuite } from "./modification-suite.ts";
import { noticeSuite } from "./notice-suite.ts";
import { riderSuite } from "./rider-suite.ts";

/** What whatever keeps a coordinator's connections must do. */
export function coordinatorStoreSuite(name: string, open: OpenCoordinator): void {
  describe(`a coordinator's stores: ${name}`, () => {
    const world = new World(open);
    connectionSuite(world);
    modificationSuite(world);
    riderSuite(world);
    noticeSuite(world);
  });
}
