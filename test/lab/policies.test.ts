import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readDescription } from "../../examples/lab/description.ts";
import { DOMAINS, domainName, type Lab, layOut, stpOf } from "../../examples/lab/layout.ts";
import { policiesPiece, policyFolder } from "../../examples/lab/policies.ts";
import { readPolicies } from "../../provider/domain/policy/policies.ts";
import { PolicySet } from "../../provider/domain/policy/policy-set.ts";
import { type PolicyRequest, policyRequest } from "../../provider/domain/policy/request.ts";
import { decide } from "../../provider/domain/policy/verdict.ts";

let lab: Lab;
beforeEach(async () => {
  const description = readDescription(new URL("../../examples/lab/lab.json", import.meta.url).pathname);
  lab = layOut({ ...description, directory: await mkdtemp(path.join(tmpdir(), "tt-lab-")) });
});
afterEach(async () => await rm(lab.description.directory, { recursive: true, force: true }));

function requestFor(home: "ams" | "san", changes: object = {}): PolicyRequest {
  const to = home === "ams" ? "san" : "ams";
  const place = (site: "ams" | "san") => {
    return { stp: stpOf(site), domain: domainName(site), labels: { jurisdiction: site === "ams" ? "eu" : "us" } };
  };
  const window = { start: "2026-11-23T20:00:00Z", end: "2026-11-23T21:00:00Z" };
  return policyRequest.parse({
    ...{ subject: "operator", groups: ["operators"], home: domainName(home), vm: { name: "web" } },
    ...{ from: place(home), to: place(to), bandwidthMbps: 900, window, ...changes },
  });
}

describe("the lab's policies", () => {
  test("permit its moves either way, and nobody else's, nor what leaves its jurisdiction", async () => {
    for (const domain of DOMAINS) {
      await policiesPiece(lab, domain).make();
      const set = PolicySet.of(await readPolicies(policyFolder(lab, domain)), domain);
      const permitted = (request: PolicyRequest) => decide(set, request).permitted;
      for (const home of ["ams", "san"] as const) expect(permitted(requestFor(home))).toBe(true);
      expect(permitted(requestFor("ams", { home: "evil.example" }))).toBe(false);
      expect(permitted(requestFor("ams", { totalBandwidthMbps: 10_001 }))).toBe(false);
      const stays = requestFor("ams", { vm: { name: "crm", labels: { "stays-in": "eu" } } });
      expect(permitted(stays)).toBe(domain === "transit");
      expect(permitted(requestFor("ams", { action: "grant" }))).toBe(domain === "ams");
      set.forget();
    }
  });

  test("are looked at and mended file by file, those that do not belong there too", async () => {
    const piece = policiesPiece(lab, "ams");
    expect(await piece.inspect()).toMatch(/own\.cedar, way\.cedar differ/);
    await piece.make();
    expect(await piece.inspect()).toBeUndefined();
    await writeFile(path.join(policyFolder(lab, "ams"), "limit.cedar"), "forbid (principal, action, resource);");
    await writeFile(path.join(policyFolder(lab, "ams"), "way.cedar"), "");
    expect(await piece.inspect()).toMatch(/way\.cedar.*limit\.cedar|limit\.cedar.*way\.cedar/);
    await piece.make();
    expect(await piece.inspect()).toBeUndefined();
  });
});
