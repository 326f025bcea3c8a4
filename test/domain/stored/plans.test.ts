import { expect, test } from "vitest";
import { SqliteConnections } from "../../../provider/domain/drac/sqlite/connections.ts";
import { SqliteNotices } from "../../../provider/domain/drac/sqlite/notices.ts";
import { SqliteRiders } from "../../../provider/domain/drac/sqlite/riders.ts";
import { SqliteSegments } from "../../../provider/domain/drac/sqlite/segments.ts";
import { NsiStore } from "../../../provider/domain/nsi/store.ts";
import { openStore } from "../../../provider/domain/store.ts";

test("nothing that an agent asks of its store reads all that was ever reserved", async () => {
  const database = openStore(":memory:");
  const prepare = database.prepare.bind(database);
  const asked = new Set<string>();
  database.prepare = (statement) => {
    asked.add(statement);
    return prepare(statement);
  };

  const segments = new SqliteSegments(database);
  const of = { coordinator: "ams.example", id: "c1" };
  await segments.inState("held");
  const token = { home: "ams.example", token: "t1", vm: "web" };
  await segments.change({ of, ports: ["near"], grant: { name: "g1" }, token }, () => ({
    changes: [],
    answer: undefined,
  }));
  const connections = new SqliteConnections(database, new SqliteNotices(database));
  await connections.open();
  await connections.ownedBy("alice");
  await connections.findByRequest("alice", "r1");
  await connections.replaceIntent("commit", "terminate");
  await new SqliteRiders(database).aboard("c1", Date.now());
  new NsiStore(database).open();

  const questions = [...asked].filter((statement) => /^\s*SELECT/.test(statement));
  expect(questions.length).toBeGreaterThan(12);
  const scans = questions.flatMap((question) => {
    const values = question.match(/\?/g)?.map(() => 1) ?? [];
    const plan = prepare(`EXPLAIN QUERY PLAN ${question}`).all(...values);
    return plan.map(({ detail }) => String(detail)).filter((step) => /^SCAN (?!.* USING INDEX .*_open$)/.test(step));
  });
  expect(scans).toEqual([]);
  database.close();
});
