import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, expect, test } from "vitest";
import { z } from "zod";
import { type Domains, startDomains } from "./agents.ts";

const FILE = new URL("../../provider/domain/openapi.json", import.meta.url).pathname;
const document = z.looseObject({
  openapi: z.literal("3.1.0"),
  paths: z.record(z.string(), z.record(z.string(), z.looseObject({ responses: z.record(z.string(), z.unknown()) }))),
});

let domains: Domains;
beforeAll(async () => {
  domains = await startDomains();
});
afterAll(async () => await domains.end());

test("an agent tells what it can be asked, as it is written beside its source", async () => {
  const ca = await readFile(domains.bed.certificateFile("ams.example"));
  const agent = new Agent({ connect: { ca, servername: "ams.example" } });
  const { statusCode, body } = await request(`${domains.bed.records["ams.example"].url}/openapi.json`, {
    dispatcher: agent,
  });
  const told: unknown = await body.json();
  await agent.close();
  expect(statusCode).toBe(200);
  await expect(`${JSON.stringify(told, undefined, 2)}\n`).toMatchFileSnapshot(FILE);
  const { paths } = document.parse(told);
  for (const path of [
    "/aaa/grants",
    "/aaa/token",
    "/aaa/revocation",
    "/drac/connections",
    "/drac/segments/{id}/commit",
  ]) {
    expect(Object.keys(paths), path).toContain(path);
  }
  for (const [path, verbs] of Object.entries(paths)) {
    for (const [verb, { responses }] of Object.entries(verbs)) {
      expect(Object.keys(responses), `${verb} ${path}`).toContain("default");
    }
  }
});
