import { readFile } from "node:fs/promises";
import fc from "fast-check";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { refusal } from "../../provider/aaa/wire.ts";
import { type Domains, grantFor, startDomains, wishFor } from "./agents.ts";

describe("malformed requests", () => {
  let domains: Domains;
  let agent: Agent;
  let agentOfTransit: Agent;
  beforeAll(async () => {
    domains = await startDomains();
    const ca = await readFile(domains.bed.certificateFile("ams.example"));
    agent = new Agent({ connect: { ca, servername: "ams.example" } });
    const { certificate } = domains.bed.signing["transit.example"];
    agentOfTransit = new Agent({ connect: { ca, servername: "ams.example", ...certificate } });
  });
  afterAll(async () => {
    await Promise.all([agent.close(), agentOfTransit.close()]);
    await domains.end();
  });

  async function assertion(): Promise<string> {
    const { key } = await importSigningKey(domains.bed.clients.alice.key, "alice");
    return `Bearer ${await signAssertion({ id: "alice", key }, "ams.example")}`;
  }

  async function post(
    path: string,
    body: string,
    as: "alice" | "transit.example",
    headers: Record<string, string> = {},
  ) {
    const sent = { "content-type": "application/json", "turntable-token": "nonsense", ...headers };
    const url = domains.bed.records["ams.example"].url + path;
    const answer = await request(url, {
      ...{ dispatcher: as === "alice" ? agent : agentOfTransit, method: "POST", body },
      headers: as === "alice" ? { ...sent, authorization: await assertion() } : sent,
    });
    const content = await answer.body.json();
    return [answer.statusCode, answer.statusCode < 300 ? undefined : refusal.parse(content)] as const;
  }

  const good: Record<string, object> = {
    "/aaa/grants": grantFor(wishFor()),
    "/drac/connections": wishFor(),
  };

  it("are answered 4xx, whatever is in them, and change nothing", async () => {
    const junk = fc.oneof(
      fc.jsonValue(),
      fc.string(),
      fc.constantFrom(1e308, -1, 0, "", null, "9".repeat(400), { $ref: "#" }),
    );
    for (const [path, body] of Object.entries(good)) {
      const altered = fc
        .tuple(fc.constantFrom(...Object.keys(body), "more"), junk)
        .map(([key, value]) => JSON.stringify({ ...body, [key]: value }));
      // A body that is still well-formed by chance is refused for another reason, or is a grant.
      const texts = fc.oneof(
        altered,
        fc.jsonValue().map((value) => JSON.stringify(value) ?? ""),
        fc.string(),
      );
      await fc.assert(
        fc.asyncProperty(texts, async (text) => {
          const [status, refused] = await post(path, text, "alice");
          expect(status).toBeLessThan(500);
          if (status >= 300) expect(refused?.domain).toBe("ams.example");
        }),
        { numRuns: 60 },
      );
    }
    expect(await domains.drac("ams.example").list()).toEqual([]);
  });

  it("say what is wrong, and in which domain", async () => {
    expect(await post("/aaa/grants", "{", "alice")).toMatchObject([
      400,
      { error: "request.malformed", domain: "ams.example" },
    ]);
    const vm = await post("/aaa/grants", JSON.stringify({ ...good["/aaa/grants"], vm: "" }), "alice");
    expect(vm).toMatchObject([400, { reason: expect.stringContaining("vm") }]);
    expect((await post("/aaa/grants", "x".repeat(70_000), "alice"))[0]).toBe(413);
    expect((await post("/aaa/grants", "a=b", "alice", { "content-type": "text/plain" }))[0]).toBe(400);
    expect((await post("/aaa/grants", "a=b", "alice", { "content-type": "application/xml" }))[0]).toBe(415);
    expect((await post("/aaa/nothing", "{}", "alice"))[0]).toBe(404);
    expect((await post("/drac/segments", "{}", "transit.example"))[0]).toBe(400);
    expect((await post("/drac/segments/%ff/commit", "{}", "transit.example"))[0]).toBe(400);
    expect((await post("/drac/connections/'%20OR%201=1/commit", "{}", "alice"))[0]).toBe(404);
  });
});
