import { expect, test } from "vitest";
import type { Fact } from "../../provider/domain/accounting/entry.ts";
import { Refusals } from "../../provider/domain/accounting/refusals.ts";

test("each reason is a record, until there are so many that a flood made them up", () => {
  const facts: Fact[] = [];
  const refusals = new Refusals({ note: (fact) => facts.push(fact) });
  const refused = (reason: string) => {
    const refusal = { error: "token.insufficient", domain: "ams.example", reason };
    refusals.note({ caller: "alice", asked: "POST /drac/connections", refusal });
  };
  for (let time = 0; time < 5_000; time++) refused(`it is for the VM ${time}`);
  for (let time = 0; time < 5_000; time++) refused(`it is for the VM ${time}`);
  expect(facts.length).toBeLessThan(100);
  expect(facts).toContainEqual(expect.objectContaining({ reason: "it is for the VM 7", count: 1 }));
  refusals.flush(true);
  expect(facts.reduce((sum, fact) => sum + ("count" in fact ? fact.count : 0), 0)).toBe(10_000);
});
