import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { Fact } from "../../provider/domain/accounting/entry.ts";
import { type Domains, grantFor, startDomains, wishFor } from "../domain/agents.ts";
import { NAMES, type Name, policiesUpTo } from "../domain/testbed.ts";
import { entriesOf } from "./ledgers.ts";

describe("what three domains account for", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains(undefined, (name) => policiesUpTo(name === "san.example" ? 700 : 1_000));
  });
  afterAll(async () => await domains.end());

  const factsOf = (name: Name, vm: string): readonly Fact[] => {
    const all = entriesOf(domains.bed, name).map(({ fact }) => fact);
    const names = new Set(all.flatMap((fact) => ("vm" in fact && fact.vm === vm ? idsOf(fact) : [])));
    return all.filter((fact) => idsOf(fact).some((id) => names.has(id)));
  };
  const events = (name: Name, vm: string) => factsOf(name, vm).map(({ event }) => event);

  it("every domain has each right and its use, with subject, VM, rate and window", async () => {
    const wish = wishFor({ vm: "radar", bandwidthMbps: 400 });
    const aaa = domains.aaa("ams.example");
    const grant = await aaa.requestGrant(grantFor(wish));
    const { from, to, bandwidthMbps, window, vm } = wish;
    const asked = { from, to, bandwidthMbps, window, vm, siteKey: "SHA256:0123456789", grant: grant.jwt };
    const { token } = await aaa.mintToken(asked);
    const drac = domains.drac("ams.example");
    const { connectionId } = await drac.reserve(wish, token);
    await drac.provision(connectionId, token);
    await drac.release(connectionId);
    await drac.provision(connectionId, token);
    await drac.modify(connectionId, { vm, bandwidthMbps: 200 }, token);
    await drac.terminate(connectionId);
    await aaa.revokeGrant(grant.id);
    const used = ["reserved", "lit", "dark", "lit", "changed", "dark", "ended"];
    await expect
      .poll(() => NAMES.map((name) => events(name, "radar")))
      .toEqual([
        ["consent", "grant", "token", ...used, "revocation"],
        ["consent", ...used, "revocation"],
        ["consent", ...used, "revocation"],
      ]);
    const right = { subject: "alice", vm, between: [from, to], bandwidthMbps, window, grant: grant.id };
    const connection = { coordinator: "ams.example", connection: connectionId };
    for (const name of NAMES) {
      const facts = factsOf(name, "radar");
      expect(facts).toContainEqual({ event: "consent", ...right, home: "ams.example" });
      expect(facts).toContainEqual({ event: "reserved", ...right, ...connection });
      expect(facts).toContainEqual({ event: "changed", ...connection, bandwidthMbps: 200, window });
      expect(facts).toContainEqual({ event: "dark", ...connection, seconds: expect.any(Number) });
    }
    expect(factsOf("ams.example", "radar")).toContainEqual({ event: "grant", ...right, domains: [...NAMES] });
  });

  it("a refusal stands in the ledger of who refused and of who passed it on, without the token", async () => {
    const wish = wishFor({ vm: "greedy", bandwidthMbps: 800 });
    await expect(domains.aaa("ams.example").requestGrant(grantFor(wish))).rejects.toThrow(/700 Mbps at most/);
    const reason = expect.stringContaining("700 Mbps at most");
    await expect
      .poll(() => factsOf("ams.example", "greedy"))
      .toContainEqual(expect.objectContaining({ event: "withheld", subject: "alice", by: "san.example", reason }));
    const refused = { event: "refusal", error: expect.stringMatching(/^policy/), by: "san.example", reason, count: 1 };
    const all = (name: Name) => entriesOf(domains.bed, name).map(({ fact }) => fact);
    const [passed, made] = [
      { ...refused, caller: "alice", asked: "POST /aaa/grants" },
      { ...refused, caller: "ams.example", asked: "POST /aaa/token" },
    ];
    await expect.poll(() => all("ams.example")).toContainEqual(passed);
    await expect.poll(() => all("san.example")).toContainEqual(made);
  });

  it("a flood of one refusal is one record, and its count another when the agent ends", async () => {
    const drac = domains.drac("ams.example", domains.bed.clients.bob);
    const attempts = Array.from({ length: 30 }, () => drac.reserve(wishFor({ vm: "flood" }), "no.token.atall"));
    expect((await Promise.allSettled(attempts)).every(({ status }) => status === "rejected")).toBe(true);
    const refusals = () =>
      entriesOf(domains.bed, "ams.example").flatMap(({ fact }) =>
        fact.event === "refusal" && fact.caller === "bob" ? [fact.count] : [],
      );
    await expect.poll(refusals).toEqual([1]);
    await domains.stop("ams.example");
    expect(refusals()).toEqual([1, 29]);
    await domains.start("ams.example");
  });
});

function idsOf(fact: Fact): readonly string[] {
  return [...("grant" in fact ? [fact.grant] : []), ...("connection" in fact ? [fact.connection] : [])];
}
