import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { SqliteSegments } from "../../../provider/domain/drac/sqlite/segments.ts";
import { openStore } from "../../../provider/domain/store.ts";
import { segmentStoreSuite } from "./segments-suite.ts";

segmentStoreSuite("SQLite", async () => {
  const directory = await mkdtemp(join(tmpdir(), "tt-segments-"));
  const open = () => openStore(join(directory, "store.sqlite"));
  const first = open();
  const databases = [first];
  return {
    store: new SqliteSegments(first),
    async another() {
      const database = open();
      databases.push(database);
      return new SqliteSegments(database);
    },
    async close() {
      for (const database of databases) database.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
});
