import { readFile } from "node:fs/promises";
import { SignJWT } from "jose";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ASSERTION_TYPE, signAssertion } from "../../provider/aaa/assertion.ts";
import { AaaClient } from "../../provider/aaa/client.ts";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { type Domains, startDomains } from "../domain/agents.ts";
import { makeKey } from "../domain/testbed.ts";

describe("who calls a domain", () => {
  let domains: Domains;
  let agent: Agent;
  beforeAll(async () => {
    domains = await startDomains();
    const ca = await readFile(domains.bed.certificateFile("ams.example"));
    agent = new Agent({ connect: { ca, servername: "ams.example" } });
  });
  afterAll(async () => {
    await agent.close();
    await domains.end();
  });

  async function callWith(authorization: string | undefined) {
    const url = `${domains.bed.records["ams.example"].url}/drac/connections`;
    const headers = authorization === undefined ? {} : { authorization };
    const { statusCode, body } = await request(url, { dispatcher: agent, headers });
    return [statusCode, await body.text()] as const;
  }

  const second = (): number => Math.floor(Date.now() / 1_000);
  async function sign(
    claims: Record<string, unknown>,
    keyText = domains.bed.clients.alice.key,
    typ = ASSERTION_TYPE,
  ): Promise<string> {
    const { key } = await importSigningKey(keyText, "a test");
    const all = {
      iss: "alice",
      sub: "alice",
      aud: "ams.example",
      jti: crypto.randomUUID(),
      iat: second(),
      exp: second() + 30,
    };
    return `Bearer ${await new SignJWT({ ...all, ...claims }).setProtectedHeader({ alg: "EdDSA", typ }).sign(key)}`;
  }

  it("is known by a fresh assertion, which serves once, also after a restart", async () => {
    const assertion = await sign({});
    expect((await callWith(assertion))[0]).toBe(200);
    expect(await callWith(assertion)).toMatchObject([401, expect.stringContaining("assertion.replayed")]);
    await domains.stop("ams.example");
    await domains.start("ams.example");
    expect(await callWith(assertion)).toMatchObject([401, expect.stringContaining("assertion.replayed")]);
  });

  it("is not known by any other", async () => {
    const mallory = await makeKey("mallory");
    const unsigned = `${Buffer.from('{"alg":"none"}').toString("base64url")}.${Buffer.from('{"iss":"alice","sub":"alice"}').toString("base64url")}.`;
    const attacks: Record<string, string | undefined> = {
      "none at all": undefined,
      "no JWT": "Bearer nonsense",
      "another scheme": "Basic YWxpY2U6YWxpY2U=",
      unsigned: `Bearer ${unsigned}`,
      "an unknown client": await sign({ iss: "mallory", sub: "mallory" }, mallory.key),
      "another's key": await sign({}, mallory.key),
      "in a client's own name for another": await sign({ iss: "bob", sub: "alice" }),
      "for another domain": await sign({ aud: "san.example" }),
      "for several domains": await sign({ aud: ["ams.example", "san.example"] }),
      expired: await sign({ iat: second() - 50, exp: second() - 20 }),
      "too long-lived": await sign({ exp: second() + 3_600 }),
      "from the future": await sign({ iat: second() + 600, exp: second() + 630 }),
      "without an end": await sign({ exp: undefined }),
      "without a number": await sign({ jti: undefined }),
      "a signature for something else": await sign({}, domains.bed.clients.alice.key, "at+jwt"),
    };
    for (const [what, authorization] of Object.entries(attacks)) {
      expect((await callWith(authorization))[0], what).toBe(401);
    }
  });

  it("is told what the public may know without one", async () => {
    const url = `${domains.bed.records["ams.example"].url}/.well-known/turntable`;
    const { statusCode, body } = await request(url, { dispatcher: agent });
    expect(statusCode).toBe(200);
    const { x } = domains.bed.signing["ams.example"].publicKey;
    expect(await body.json()).toMatchObject({ domain: "ams.example", jwks: { keys: [{ crv: "Ed25519", x }] } });
  });

  it("has a key of the right form, which no message shows", async () => {
    const record = domains.bed.records["ams.example"];
    for (const key of ["secret-text", '{"kty":"OKP","crv":"Ed25519","x":"secret-text"}']) {
      const failure = await new AaaClient(record, { id: "alice", key }).grantStatus("any").catch(String);
      expect(failure).toMatch(/the key of the caller alice is not an Ed25519 key/);
      expect(failure).not.toContain("secret-text");
    }
  });

  it("signs with a new number each time", async () => {
    const { key } = await importSigningKey(domains.bed.clients.alice.key, "a test");
    const caller = { id: "alice", key };
    expect(await signAssertion(caller, "ams.example")).not.toBe(await signAssertion(caller, "ams.example"));
  });
});
