import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { attempt } from "../../examples/lab/command.ts";
import { REPOSITORY } from "../../examples/lab/layout.ts";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { seal } from "../../provider/domain/accounting/chain.ts";
import { exportOf } from "../../provider/domain/accounting/export.ts";
import { type Domains, startDomains, wishFor } from "../domain/agents.ts";
import type { Name } from "../domain/testbed.ts";
import { entriesOf, tamper } from "./ledgers.ts";

const MAIN = join(REPOSITORY, "provider", "main.ts");
const accounting = (...argv: readonly string[]) => attempt([process.execPath, MAIN, "accounting", ...argv]);

describe("turntable accounting", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains();
    const wish = wishFor({ bandwidthMbps: 300 });
    const token = await domains.tokenFor(wish);
    const drac = domains.drac("ams.example");
    const { connectionId } = await drac.reserve(wish, token);
    await drac.provision(connectionId, token);
    await drac.terminate(connectionId);
    for (const name of ["ams.example", "transit.example", "san.example"] as const) await domains.stop(name);
  });
  afterAll(async () => await domains.end());

  const config = (name: Name) => ["--config", domains.bed.configFile(name)];
  const exportFrom = async (name: Name): Promise<string> => {
    const file = join(domains.bed.directory, `${name}.export`);
    await writeFile(file, (await accounting("export", ...config(name))).stdout);
    return file;
  };

  it("lists what was, of one VM or of one kind", async () => {
    const all = (await accounting("list", ...config("ams.example"))).stdout.trim().split("\n");
    expect(all.map((line) => line.split(" ")[2])).toEqual([
      "consent",
      "grant",
      "token",
      "connection",
      "connection",
      "connection",
      "connection",
    ]);
    expect(all[1]).toMatch(
      /^2 20\S+Z grant \S+ to alice: radar between \S+ and \S+, 300 Mbps, .* agreed: ams.example, /,
    );
    const dark = (await accounting("list", ...config("san.example"), "--event", "dark", "--json")).stdout.trim();
    expect(JSON.parse(dark)).toMatchObject({
      domain: "san.example",
      fact: { event: "dark", coordinator: "ams.example" },
    });
    expect((await accounting("list", ...config("san.example"), "--vm", "other")).stdout).toBe("");
    const wrong = await accounting("list", ...config("san.example"), "--since", "yesterday");
    expect(wrong).toMatchObject({ code: 1, stderr: expect.stringContaining("yesterday is no time") });
  });

  it("finds three ledgers that agree", async () => {
    const files = [await exportFrom("transit.example"), await exportFrom("san.example")];
    const { code, stdout } = await accounting("verify", ...config("ams.example"), "--against", ...files);
    expect(stdout).toBe(
      "7 records of ams.example, 5 records of transit.example, 5 records of san.example: every one stands\n",
    );
    expect(code).toBe(0);
  });

  it("does not take an export for the ledger of whom it names", async () => {
    const file = await exportFrom("transit.example");
    const records = entriesOf(domains.bed, "transit.example");
    const key = await importSigningKey(domains.bed.clients.bob.key, "bob");
    const forged = await Promise.all(records.map(async (one) => await seal(one, key)));
    await writeFile(file, exportOf({ domain: "transit.example", records: forged }).join("\n"));
    const { code, stdout } = await accounting("verify", ...config("ams.example"), "--against", file);
    expect(stdout).toContain("FAULT: record 1 of transit.example is not what transit.example signed");
    expect(code).toBe(1);
  });

  it("finds a peer whose ledger lost its end, or tells another rate", async () => {
    const whole = entriesOf(domains.bed, "san.example");
    const key = await importSigningKey(domains.bed.signing["san.example"].key, "san");
    const file = join(domains.bed.directory, "san.changed");
    const verified = async (records: readonly string[]) => {
      await writeFile(file, exportOf({ domain: "san.example", records }).join("\n"));
      return (await accounting("verify", ...config("ams.example"), "--against", file)).stdout;
    };
    expect(await verified([])).toMatch(/FAULT: san.example has no consent to grant \S+ of ams.example\n/);
    const [consent] = whole;
    if (consent?.fact.event !== "consent") throw new Error("its first record is no consent");
    const fewer = await seal({ ...consent, fact: { ...consent.fact, bandwidthMbps: 3 } }, key);
    const told = await verified([fewer]);
    expect(told).toMatch(/grant \S+ differs: ams.example has .* 300 Mbps.*; san.example has .* 3 Mbps/);
    const reserved = whole.find(({ fact }) => fact.event === "reserved");
    if (reserved?.fact.event !== "reserved") throw new Error("it reserved nothing");
    const slower = await seal({ ...reserved, fact: { ...reserved.fact, bandwidthMbps: 3 } }, key);
    const once = /connection \S+ differs: ams.example has .* 300 Mbps.*; san.example has .* 3 Mbps/g;
    expect((await verified([slower])).match(once)).toHaveLength(1);
    expect(told).toMatch(/san.example has no part of connection \S+, which ams.example reserved/);
  });

  it("finds what was altered or removed in its own store", async () => {
    tamper(domains.bed, "transit.example", "DELETE FROM accounts WHERE sequence = 3");
    const removed = await accounting("verify", ...config("transit.example"));
    expect(removed).toMatchObject({
      code: 1,
      stdout: expect.stringContaining("record 3 of transit.example was removed"),
    });
    const flipped = "UPDATE accounts SET record = replace(record, '.', '.A') WHERE sequence = ?";
    tamper(domains.bed, "san.example", flipped, "2");
    const altered = await accounting("verify", ...config("san.example"));
    expect(altered).toMatchObject({ code: 1 });
    expect(altered.stdout).toContain("record 2 of san.example is not what san.example signed");
  });
});
