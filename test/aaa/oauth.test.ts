import { readFile } from "node:fs/promises";
import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader, SignJWT } from "jose";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { ASSERTION_TYPE, signAssertion } from "../../provider/aaa/assertion.ts";
import { type Caller, callerOf } from "../../provider/aaa/caller.ts";
import { CLIENT_ASSERTION, JWT_TOKEN, TOKEN_EXCHANGE } from "../../provider/aaa/oauth.ts";
import { signProof } from "../../provider/aaa/proof.ts";
import type { Grant } from "../../provider/aaa/wire.ts";
import { entriesOf } from "../accounting/ledgers.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { AMS, makeKey, NAMES } from "../domain/testbed.ts";

const HOME = "https://ams.example";
const ENDPOINT = `${HOME}/aaa/token`;
const failure = z.looseObject({ error: z.string(), error_description: z.string() });
const wish = wishFor();
const way = { type: "lightpath", ...tokenRequestFor(wish) };
const placement = { type: "vm-placement", vm: way.vm, site: way.to, siteKey: way.siteKey };

describe("a domain's authorization server, asked as any OAuth client asks", () => {
  let domains: Domains;
  let agent: Agent;
  let alice: Caller;
  let granted: Grant;
  beforeAll(async () => {
    domains = await startDomains();
    agent = new Agent({
      connect: { ca: await readFile(domains.bed.certificateFile("ams.example")), servername: "ams.example" },
    });
    alice = await callerOf(domains.bed.clients.alice);
    granted = await domains.aaa("ams.example").requestGrant(grantFor(wish));
  });
  afterAll(async () => {
    await agent.close();
    await domains.end();
  });

  async function send(path: string, form?: [string, string][], proof?: string) {
    const { statusCode, body } = await request(domains.bed.records["ams.example"].url + path, {
      ...{ dispatcher: agent, method: form === undefined ? "GET" : "POST" },
      headers: {
        host: "ams.example",
        ...(form === undefined ? {} : { "content-type": "application/x-www-form-urlencoded" }),
        ...(proof === undefined ? {} : { dpop: proof }),
      },
      body: form === undefined ? null : new URLSearchParams(form).toString(),
    });
    const text = await body.text();
    const content: unknown = text === "" ? undefined : JSON.parse(text);
    return { statusCode, content };
  }

  const proofOf = async (caller: Caller, uri = ENDPOINT, method = "POST") => await signProof(caller, { method, uri });
  const authenticated = async (caller = alice): Promise<[string, string][]> => [
    ["client_assertion_type", CLIENT_ASSERTION],
    ["client_assertion", await signAssertion(caller, HOME)],
  ];
  /** A good exchange, but for what is changed; a parameter that becomes undefined is left out. */
  async function exchange(changes: Record<string, string | readonly string[] | undefined> = {}, proof?: string) {
    const form: Record<string, string | readonly string[] | undefined> = {
      ...Object.fromEntries(await authenticated()),
      ...{ grant_type: TOKEN_EXCHANGE, subject_token: granted.jwt, subject_token_type: JWT_TOKEN, resource: HOME },
      authorization_details: JSON.stringify([way, placement]),
      ...changes,
    };
    const pairs = Object.entries(form).flatMap(([name, value]) =>
      value === undefined ? [] : [value].flat().map((one): [string, string] => [name, one]),
    );
    return await send("/aaa/token", pairs, proof ?? (await proofOf(alice)));
  }

  it("tells where what is (RFC 8414), and its keys", async () => {
    const metadata = await send("/.well-known/oauth-authorization-server");
    expect(metadata.content).toMatchObject({
      ...{ issuer: HOME, token_endpoint: ENDPOINT, jwks_uri: `${HOME}/aaa/jwks` },
      revocation_endpoint: `${HOME}/aaa/revocation`,
      token_endpoint_auth_methods_supported: expect.arrayContaining(["private_key_jwt"]),
      authorization_details_types_supported: ["lightpath", "vm-placement", "lightpath-consent"],
      dpop_signing_alg_values_supported: ["EdDSA"],
      grant_types_supported: expect.arrayContaining([TOKEN_EXCHANGE]),
    });
    const { publicKey } = domains.bed.signing["ams.example"];
    const kid = await calculateJwkThumbprint(publicKey);
    expect((await send("/aaa/jwks")).content).toEqual({ keys: [{ ...publicKey, kid, alg: "EdDSA", use: "sig" }] });
  });

  it("gives a token for the resources that are named, bound to the key that is proven, and no others", async () => {
    const { statusCode, content } = await exchange({ resource: [HOME, "https://transit.example"] });
    expect(statusCode).toBe(200);
    const given = z.object({ access_token: z.string(), token_type: z.string(), expires_in: z.number() }).parse(content);
    expect(given.token_type).toBe("DPoP");
    // The window's end comes before the domain's own limit.
    expect(given.expires_in).toBeGreaterThan(500);
    expect(given.expires_in).toBeLessThan(600);
    expect(decodeJwt(given.access_token)).toMatchObject({
      ...{ iss: HOME, sub: "alice", aud: [HOME, "https://transit.example"], cnf: { jkt: alice.kid } },
      authorization_details: [{ type: "lightpath", from: AMS, domains: NAMES, grant: granted.id }, placement],
    });
    expect(decodeProtectedHeader(given.access_token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    const refused = domains.drac("ams.example").reserve(wish, given.access_token);
    await expect(refused).rejects.toThrow(/^san.example refused.*the request carries no proof/);
  });

  const details = (...all: object[]) => ({ authorization_details: JSON.stringify(all) });
  const attacks: [string, Record<string, string | readonly string[] | undefined>, RegExp][] = [
    [
      "an STP that the grant is not for",
      details({ ...way, to: `${way.to}2` }),
      /^invalid_authorization_details: .*not cover/,
    ],
    ["a higher rate", details({ ...way, bandwidthMbps: 601 }), /^invalid_authorization_details: .*601 Mbps/],
    [
      "another host than that of the way",
      details(way, { ...placement, siteKey: "SHA256:other" }),
      /^invalid_author.*vm-placement is not for/,
    ],
    ["two ways", details(way, way), /^invalid_authorization_details: one lightpath/],
    ["a placement alone", details(placement), /^invalid_authorization_details: one lightpath/],
    ["what is not known", details({ type: "root" }), /^invalid_authorization_details: unsupported/],
    ["more than its type has", details({ ...way, also: 1 }), /^invalid_authorization_details: .*also/],
    ["nothing", { authorization_details: undefined }, /^invalid_request: .*\n.*authorization_details/],
    ["no JSON", { authorization_details: "{" }, /^invalid_authorization_details/],
    ["a domain off the way", { resource: [HOME, "https://other.example"] }, /^invalid_target: .*other.example/],
    ["a domain by another scheme", { resource: "http://ams.example" }, /^invalid_target/],
    ["what is no grant", { subject_token: "nonsense" }, /^invalid_grant: the grant is not/],
    ["a token of another type", { subject_token_type: "urn:ietf:params:oauth:token-type:saml2" }, /^invalid_request/],
    [
      "a grant type that is not offered",
      { grant_type: "client_credentials" },
      /^(unsupported_grant_type|invalid_request)/,
    ],
    ["no assertion", { client_assertion: undefined }, /^invalid_request: no client authentication/],
  ];
  it.each(attacks)("gives none for %s", async (_, changes, reason) => {
    const { statusCode, content } = await exchange(changes);
    expect(statusCode).toBe(400);
    const { error, error_description: told } = failure.parse(content);
    expect(`${error}: ${told}`).toMatch(reason);
  });

  it("gives none without a proof of the caller's own key for this very request, made now and used once", async () => {
    const used = await proofOf(alice);
    expect((await exchange({}, used)).statusCode).toBe(200);
    const bob = await callerOf(domains.bed.clients.bob);
    const old = await new SignJWT({ htm: "POST", htu: ENDPOINT })
      .setProtectedHeader({ alg: "EdDSA", typ: "dpop+jwt", jwk: { ...alice.publicJwk } })
      .setJti(crypto.randomUUID())
      .setIssuedAt("2 minutes ago")
      .sign(alice.key);
    const proofs: [string, RegExp][] = [
      [used, /used before/],
      ["", /carries no proof/],
      ["nonsense", /proof is not valid/],
      [old, /not of now/],
      [await proofOf(bob), /another key/],
      [await proofOf(alice, "https://san.example/aaa/token"), /it is for https:\/\/san.example/],
      [await proofOf(alice, ENDPOINT, "GET"), /it is for a GET/],
      [await signProof(alice, { method: "POST", uri: ENDPOINT, token: "other" }), /another token/],
    ];
    for (const [proof, reason] of proofs) {
      const { statusCode, content } = await exchange({}, proof);
      expect([statusCode, failure.parse(content).error_description], String(reason)).toEqual([
        400,
        expect.stringMatching(reason),
      ]);
    }
  });

  it("knows its clients by a fresh assertion, which serves once, also after a restart", async () => {
    const assertion = await signAssertion(alice, HOME);
    expect((await exchange({ client_assertion: assertion })).statusCode).toBe(200);
    const again = async () => failure.parse((await exchange({ client_assertion: assertion })).content);
    expect(await again()).toMatchObject({ error: "invalid_client" });
    await domains.stop("ams.example");
    await domains.start("ams.example");
    expect(await again()).toMatchObject({
      error: "invalid_client",
      error_description: expect.stringContaining("once"),
    });
    const both = await signAssertion(alice, HOME);
    const codes = await Promise.all([1, 2].map(async () => (await exchange({ client_assertion: both })).statusCode));
    expect(codes.sort()).toEqual([200, 401]);
  });

  it("knows nobody by an assertion of another, for another, of another time or purpose, and accounts for it", async () => {
    const mallory = { ...(await makeKey("mallory")), id: "alice" };
    const second = Math.floor(Date.now() / 1_000);
    const sign = async (claims: object, typ = ASSERTION_TYPE) => {
      const all = { iss: "alice", sub: "alice", aud: HOME, jti: crypto.randomUUID(), iat: second, exp: second + 30 };
      return await new SignJWT({ ...all, ...claims }).setProtectedHeader({ alg: "EdDSA", typ }).sign(alice.key);
    };
    const assertions = {
      "another's key": await signAssertion(await callerOf(mallory), HOME),
      "for another domain": await signAssertion(alice, "https://san.example"),
      "for the rest of the API": await signAssertion(alice, "ams.example"),
      expired: await sign({ iat: second - 90, exp: second - 60 }),
      "too long-lived": await sign({ exp: second + 3_600 }),
      "a signature for something else": await sign({}, "at+jwt"),
      "in another's name": await sign({ iss: "bob", sub: "bob" }),
      "an unknown client": await sign({ iss: "nobody", sub: "nobody" }),
    };
    for (const [what, client_assertion] of Object.entries(assertions)) {
      const { statusCode, content } = await exchange({ client_assertion });
      expect([statusCode, failure.parse(content).error], what).toEqual([401, "invalid_client"]);
    }
    const refusals = () => entriesOf(domains.bed, "ams.example").filter(({ fact }) => fact.event === "refusal");
    // Nobody's name is believed before it is proven.
    const noted = { event: "refusal", caller: "127.0.0.1", asked: "POST /aaa/token", error: "invalid_client" };
    await expect.poll(() => refusals().map(({ fact }) => fact)).toContainEqual(expect.objectContaining(noted));
  });

  const revoke = async (token: string, caller = alice) =>
    await send("/aaa/revocation", [["token", token], ...(await authenticated(caller))]);
  const aToken = async () => {
    const { content } = await exchange({ resource: NAMES.map((name) => `https://${name}`) });
    return z.object({ access_token: z.string() }).parse(content).access_token;
  };

  it("takes back a token of its client's (RFC 7009), everywhere, and says nothing of others", async () => {
    const [one, other] = [await aToken(), await aToken()];
    expect(await revoke(one, await callerOf(domains.bed.clients.bob))).toEqual({ statusCode: 200, content: undefined });
    expect(await revoke("nonsense.of.somebody")).toMatchObject({ statusCode: 200 });
    const { connectionId } = await domains.drac("ams.example").reserve(wish, one);
    expect(await revoke(one)).toEqual({ statusCode: 200, content: undefined });
    for (const name of NAMES) {
      await expect(domains.drac(name).reserve(wish, one)).rejects.toThrow(new RegExp(`^${name} refused.*is revoked`));
    }
    await domains.drac("ams.example").provision(connectionId, other);
    await domains.drac("ams.example").terminate(connectionId);
    expect((await send("/aaa/revocation", [["token", other]])).statusCode).toBe(400);
  });

  it("tells a domain that did not answer of a revocation as soon as it does, also after a restart", async () => {
    const token = await aToken();
    await domains.stop("san.example");
    expect((await revoke(token)).statusCode).toBe(200);
    await domains.stop("ams.example");
    await domains.start("ams.example");
    await domains.start("san.example");
    const events = () => entriesOf(domains.bed, "san.example").map(({ fact }) => fact);
    const told = { event: "revocation", home: "ams.example", grant: granted.id, token: decodeJwt(token).jti };
    await expect.poll(events).toContainEqual(told);
    await expect(domains.drac("san.example").reserve(wish, token)).rejects.toThrow(/^san.example refused.*is revoked/);
  });

  it("takes back a grant with all its tokens", async () => {
    const token = await aToken();
    expect((await revoke(granted.jwt)).statusCode).toBe(200);
    await expect(domains.drac("san.example").reserve(wish, token)).rejects.toThrow(/^san.example refused.*is revoked/);
    expect(failure.parse((await exchange()).content)).toMatchObject({ error: "invalid_grant" });
  });
});
