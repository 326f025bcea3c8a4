import { readFile } from "node:fs/promises";
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { type Caller, callerOf } from "../../provider/aaa/caller.ts";
import { type Proven, signProof } from "../../provider/aaa/proof.ts";
import { refusal, TOKEN_HEADER } from "../../provider/aaa/wire.ts";
import { type Domains, startDomains, wishFor } from "../domain/agents.ts";
import { makeKey } from "../domain/testbed.ts";

const PATH = "/drac/connections";

describe("a token is taken from who proves with it that it is his", () => {
  let domains: Domains;
  let agent: Agent;
  let alice: Caller;
  let token: string;
  beforeAll(async () => {
    domains = await startDomains();
    const ca = await readFile(domains.bed.certificateFile("ams.example"));
    agent = new Agent({ connect: { ca, servername: "ams.example" } });
    alice = await callerOf(domains.bed.clients.alice);
    token = await domains.tokenFor(wishFor());
  });
  afterAll(async () => {
    await agent.close();
    await domains.end();
  });

  /** Asks to reserve what the token covers. */
  async function reserve(headers: Record<string, string>) {
    const { statusCode, body } = await request(domains.bed.records["ams.example"].url + PATH, {
      ...{ dispatcher: agent, method: "POST", body: JSON.stringify(wishFor({ vm: "other" })) },
      headers: { "content-type": "application/json", ...headers },
    });
    const { error, reason } = refusal.parse(await body.json());
    return `${statusCode} ${error}: ${reason}`;
  }
  const proof = async (changes: Partial<Proven> = {}, caller = alice) =>
    await signProof(caller, { method: "POST", uri: `https://ams.example${PATH}`, token, ...changes });
  const authorization = () => `DPoP ${token}`;

  it("by a fresh proof, which serves once, also after a restart; what is asked is then looked at", async () => {
    const dpop = await proof();
    const looked = /^403 token.insufficient: .*not for other/;
    expect(await reserve({ authorization: authorization(), dpop })).toMatch(looked);
    expect(await reserve({ authorization: authorization(), dpop })).toMatch(/^401 proof.replayed/);
    await domains.stop("ams.example");
    await domains.start("ams.example");
    expect(await reserve({ authorization: authorization(), dpop })).toMatch(/^401 proof.replayed/);
    expect(await reserve({ authorization: authorization(), dpop: await proof() })).toMatch(looked);
  });

  it("and not by another proof, of another, or without", async () => {
    const bob = await callerOf(domains.bed.clients.bob);
    const stranger = await callerOf(await makeKey("stranger"));
    const assertion = `Bearer ${await signAssertion(alice, "ams.example")}`;
    const attacks: [Record<string, string>, RegExp][] = [
      [{ authorization: authorization() }, /^401 proof.missing/],
      [{ authorization: authorization(), dpop: "nonsense" }, /^401 proof.invalid/],
      [{ authorization: authorization(), dpop: await proof({}, bob) }, /^401 token.foreign: .*to alice, not to bob/],
      [{ authorization: authorization(), dpop: await proof({}, stranger) }, /^401 caller.unknown/],
      [
        { authorization: authorization(), dpop: await proof({ token: "other" }) },
        /^401 proof.invalid: .*another token/,
      ],
      [{ authorization: authorization(), dpop: await proof({ method: "PUT" }) }, /^401 proof.invalid: .*for a PUT/],
      [
        { authorization: authorization(), dpop: await proof({ uri: `https://san.example${PATH}` }) },
        /^401 proof.invalid: .*san.example/,
      ],
      [
        { authorization: authorization(), dpop: await proof({ uri: `https://ams.example${PATH}/x/commit` }) },
        /^401 proof.invalid: .*x\/commit/,
      ],
      [{ authorization: `Bearer ${token}`, dpop: await proof() }, /^401/],
      [{ authorization: "DPoP no.token.atall", dpop: await proof({ token: "no.token.atall" }) }, /^401 token.foreign/],
      [{ authorization: assertion, [TOKEN_HEADER]: token }, /^401 token.missing/],
      [{ [TOKEN_HEADER]: token }, /^401 caller.unknown/],
    ];
    for (const [headers, reason] of attacks) expect(await reserve(headers), String(reason)).toMatch(reason);
  });
});
