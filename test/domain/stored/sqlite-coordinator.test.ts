import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DatabaseSync } from "node:sqlite";
import { SqliteConnections } from "../../../provider/domain/drac/sqlite/connections.ts";
import { SqliteModifications } from "../../../provider/domain/drac/sqlite/modifications.ts";
import { SqliteNotices } from "../../../provider/domain/drac/sqlite/notices.ts";
import { SqliteRiders } from "../../../provider/domain/drac/sqlite/riders.ts";
import { openStore } from "../../../provider/domain/store.ts";
import { coordinatorStoreSuite } from "./coordinator-suite.ts";
import type { CoordinatorStores } from "./coordinator-world.ts";

function storesIn(database: DatabaseSync, mostKept: number): CoordinatorStores {
  const notices = new SqliteNotices(database, mostKept);
  return {
    connections: new SqliteConnections(database, notices),
    modifications: new SqliteModifications(database, notices),
    riders: new SqliteRiders(database),
    notices,
  };
}

coordinatorStoreSuite("SQLite", async (mostKept) => {
  const directory = await mkdtemp(join(tmpdir(), "tt-coordinator-"));
  const file = join(directory, "store.sqlite");
  let database = openStore(file);
  return {
    stores: storesIn(database, mostKept),
    reopen: async () => {
      database.close();
      database = openStore(file);
      return storesIn(database, mostKept);
    },
    close: async () => {
      database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
