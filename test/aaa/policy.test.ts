import { rm, writeFile } from "node:fs/promises";
import { pino } from "pino";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GrantRequest } from "../../provider/aaa/wire.ts";
import { startAgent } from "../../provider/domain/agent.ts";
import { loadConfig } from "../../provider/domain/load.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, windowIn, wishFor } from "../domain/agents.ts";
import { AMS, type Name, SAN } from "../domain/testbed.ts";

const POLICIES: Record<Name, string> = {
  "ams.example": `
    @id("ours") permit (principal in Group::"operators@ams.example", action == Action::"grant", resource);
    @id("way") permit (principal, action == Action::"consent", resource);
    @id("share") @reason("900 Mbps at most at any one time")
    forbid (principal, action == Action::"grant", resource) when { context.totalBandwidthMbps > 900 };`,
  "transit.example": `
    @id("neighbour") @reason("moves that ams.example asks for, encrypted")
    permit (principal, action, resource) when { context.home == Domain::"ams.example" };
    @id("sealed") @reason("nothing passes here in the clear")
    forbid (principal, action, resource) when { resource.hasTag("secret") } unless { context.encrypted };`,
  "san.example": `
    @id("all") permit (principal, action, resource);
    @id("embargo") @reason("EU data stay in the EU")
    forbid (principal, action, resource)
    when { resource.hasTag("embargo") && resource.getTag("embargo") != context.to.jurisdiction };
    @id("share") @reason("700 Mbps at most for bob")
    forbid (principal == Subject::"bob@ams.example", action, resource) when { context.totalBandwidthMbps > 700 };`,
};

describe("policies of three domains, asked over their sockets", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains(
      (config) => ({
        ...config,
        topology: {
          ...config.topology,
          stps: config.topology.stps.map((stp) => (stp.id === SAN ? { ...stp, jurisdiction: "us" } : stp)),
        },
      }),
      (name) => POLICIES[name],
    );
  });
  afterAll(async () => await domains.end());
  const ask = async (changes: Partial<GrantRequest>, caller = domains.bed.clients.alice) =>
    await domains.aaa("ams.example", caller).requestGrant({ ...grantFor(wishFor()), ...changes });
  const refused = (message: RegExp) => ({
    code: "domain.refused",
    retry: "never",
    message: expect.stringMatching(message),
  });

  it("refuse with the domain, the policy and its reason", async () => {
    const embargoed = { labels: { embargo: "eu" }, vm: "crm" };
    await expect(ask(embargoed)).rejects.toMatchObject(
      refused(
        /^san\.example refused by its policy "embargo" to grant 600 Mbps for crm: EU data stay in the EU .*let its operator/,
      ),
    );
    const clear = { labels: { secret: "yes" }, vm: "vault", encryption: "none" } as const;
    await expect(ask(clear)).rejects.toMatchObject(
      refused(/^transit\.example refused by its policy "sealed" .*nothing passes here in the clear/),
    );
    await expect(ask({ ...clear, encryption: undefined })).rejects.toMatchObject(refused(/"sealed"/));
    await revoke((await ask({ ...clear, encryption: "tls" })).id);
    await expect(domains.aaa("san.example").requestGrant(grantFor(wishFor()))).rejects.toMatchObject(
      refused(/^transit\.example refused by its policy "default deny".*permitted is: moves that ams\.example asks for/),
    );
  });
  const revoke = async (id: string, caller = domains.bed.clients.alice) =>
    await domains.aaa("ams.example", caller).revokeGrant(id);

  it("judge both directions unless one is said, by what the domain knows of a site rather than what it is told", async () => {
    const toEurope = { labels: { embargo: "eu" }, between: [SAN, AMS] as [string, string], vm: "crm" };
    const lie = {
      siteLabels: [{ jurisdiction: "eu" }, { jurisdiction: "eu" }] as [Record<string, string>, Record<string, string>],
    };
    await expect(ask({ ...toEurope, ...lie })).rejects.toMatchObject(refused(/"embargo"/));
    await expect(ask({ ...toEurope, ...lie, from: AMS })).rejects.toMatchObject(refused(/"embargo"/));
    const oneWay = await ask({ ...toEurope, ...lie, from: SAN });
    const back = { ...tokenRequestFor(wishFor({ vm: "crm" })), grant: oneWay.jwt, window: oneWay.window };
    await expect(domains.aaa("ams.example").mintToken(back)).rejects.toMatchObject(
      refused(/for travel from .*san.* only/),
    );
    const there = { ...back, from: SAN, to: AMS };
    expect((await domains.aaa("ams.example").mintToken(there)).domains[0]).toBe("san.example");
    await revoke(oneWay.id);
  });

  it("hold a grant for encrypted moves to it", async () => {
    const sealed = await ask({ encryption: "tls" });
    const token = { ...tokenRequestFor(wishFor()), grant: sealed.jwt, window: sealed.window };
    const aaa = domains.aaa("ams.example");
    await expect(aaa.mintToken({ ...token, encryption: "none" })).rejects.toMatchObject(
      refused(/for an encrypted move/),
    );
    expect((await aaa.mintToken({ ...token, encryption: "tls" })).domains).toHaveLength(3);
    await revoke(sealed.id);
  });

  it("count what a subject has already: two at once, not one after the other, not another's", async () => {
    const both = await Promise.allSettled([ask({ bandwidthMbps: 500, vm: "a" }), ask({ bandwidthMbps: 500, vm: "b" })]);
    const granted = both.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
    expect(granted).toHaveLength(1);
    expect(both.find(({ status }) => status === "rejected")).toMatchObject({
      reason: refused(/^ams\.example refused by its policy "share" .*900 Mbps at most at any one time/),
    });
    const later = await ask({ bandwidthMbps: 500, window: windowIn(1_200, 600) });
    const others = await ask({ bandwidthMbps: 600 }, domains.bed.clients.bob);
    await revoke(granted[0]?.id ?? "");
    const instead = await ask({ bandwidthMbps: 900 });
    for (const { id } of [later, instead]) await revoke(id);
    await revoke(others.id, domains.bed.clients.bob);
  });

  it("do not count what was refused elsewhere on the way, and count on after a restart", async () => {
    const { bob } = domains.bed.clients;
    for (let time = 0; time < 3; time++) {
      await expect(ask({ bandwidthMbps: 800, vm: "b" }, bob)).rejects.toMatchObject(refused(/^san\.example .*"share"/));
    }
    const { id } = await ask({ bandwidthMbps: 700 }, bob);
    await domains.stop("san.example");
    await domains.start("san.example");
    await expect(ask({ bandwidthMbps: 1, vm: "b" }, bob)).rejects.toMatchObject(
      refused(/^san\.example .*700 Mbps at most for bob/),
    );
    await revoke(id, bob);
    await revoke((await ask({ bandwidthMbps: 700 }, bob)).id, bob);
  });

  it("decide anew as soon as they are changed, and not by what is faulty", async () => {
    const file = `${domains.bed.policyFolder("transit.example")}/closed.cedar`;
    await writeFile(
      file,
      '@id("closed") @reason("closed for works") forbid (principal, action, resource) when { context.x };',
    );
    await new Promise((resolve) => setTimeout(resolve, 1_500));
    await revoke((await ask({})).id);
    await writeFile(file, '@id("closed") @reason("closed for works") forbid (principal, action, resource);');
    const outcome = async () =>
      await ask({}).then(
        async ({ id }) => void (await revoke(id)),
        (thrown: unknown) => String(thrown),
      );
    await expect.poll(outcome).toMatch(/transit\.example refused by its policy "closed" .*closed for works/);
    await rm(file);
    await expect.poll(outcome).toBeUndefined();
  });

  it("that are faulty let no agent start", async () => {
    await domains.stop("transit.example");
    const file = `${domains.bed.policyFolder("transit.example")}/faulty.cedar`;
    await writeFile(file, "permit (principal, action, resource) when { context.x };");
    const starting = async () =>
      await startAgent(await loadConfig(domains.bed.configFile("transit.example")), pino({ level: "silent" }));
    await expect(starting()).rejects.toMatchObject({
      code: "input.invalid",
      message: expect.stringMatching(/faulty\.cedar:1: .*`x`/),
    });
    await rm(file);
    await domains.start("transit.example");
  });
});
