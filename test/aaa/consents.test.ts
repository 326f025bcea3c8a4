import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { createServer } from "node:https";
import { SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { type Caller, callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { JWT_TOKEN, TOKEN_EXCHANGE, TOKEN_PATH } from "../../provider/aaa/oauth.ts";
import { CONSENT_TYPE, WISH_TYPE } from "../../provider/aaa/token.ts";
import { consentResponse } from "../../provider/domain/wire.ts";
import { type Domains, grantFor, startDomains, wishFor } from "../domain/agents.ts";
import { AMS, type KeyPair, makeKey, type Name, SAN, withSecondHosts } from "../domain/testbed.ts";

const wished = z.looseObject({ jti: z.string(), sub: z.string(), authorization_details: z.tuple([z.looseObject({})]) });

describe("a domain's consent", () => {
  let domains: Domains;
  const channels: Channel[] = [];
  beforeAll(async () => {
    domains = await startDomains(withSecondHosts(SAN));
  });
  afterEach(async () => await Promise.all(channels.splice(0).map((channel) => channel.close())));
  afterAll(async () => await domains.end());

  async function sign(signer: KeyPair, typ: string, claims: Record<string, unknown>): Promise<string> {
    const { key } = await importSigningKey(signer.key, signer.id);
    const all = { iss: signer.id, sub: "alice", jti: randomUUID(), ...claims };
    return await new SignJWT(all)
      .setProtectedHeader({ alg: "EdDSA", typ })
      .setIssuedAt()
      .setExpirationTime("1m")
      .sign(key);
  }
  const scope = { between: [AMS, SAN], bandwidthMbps: 1, window: wishFor().window, vm: "radar" };
  const wish = async (changes: object = {}, claims: object = {}, signer = domains.bed.signing["ams.example"]) =>
    await sign(signer, WISH_TYPE, {
      ...{ aud: "https://san.example", authorization_details: [{ type: "lightpath-wish", ...scope, ...changes }] },
      ...claims,
    });
  const [through, end] = [
    { kind: "domain", domain: "transit.example" },
    { kind: "stp", stp: SAN },
  ];
  const ask = async (
    caller: Promise<Caller>,
    subject_token: string,
    sides: object[] = [through, end],
    more: object = {},
  ) => {
    const channel = new Channel(domains.bed.records["san.example"], caller, 5_000);
    channels.push(channel);
    const form = {
      ...{ grant_type: TOKEN_EXCHANGE, subject_token_type: JWT_TOKEN, subject_token, resource: "https://san.example" },
      ...{ authorization_details: JSON.stringify([{ type: "lightpath-consent", sides }]), ...more },
    };
    return await channel.ask({ method: "POST", path: TOKEN_PATH, form, answer: consentResponse });
  };
  const as = (name: Name) => callerOf(domains.bed.signing[name]);
  const refused = (reason: RegExp) => ({ kind: "refused", refusal: { reason: expect.stringMatching(reason) } });

  it("is given to ways of its own only, and to no more than its policies permit", async () => {
    expect(await ask(as("ams.example"), await wish())).toMatchObject({ kind: "ok" });
    for (const sides of [
      [through, { kind: "stp", stp: `${SAN}2` }],
      [through, { kind: "stp", stp: AMS }],
      [{ kind: "domain", domain: "ams.example" }, end],
    ]) {
      expect(await ask(as("ams.example"), await wish(), sides)).toMatchObject(refused(/no such way through/));
    }
    expect(await ask(as("ams.example"), await wish({ bandwidthMbps: 1_001 }))).toMatchObject(refused(/at most/));
  });

  it("is given once to a wish that the home signed itself, for this domain", async () => {
    const { transit, stranger } = {
      transit: domains.bed.signing["transit.example"],
      stranger: { ...(await makeKey("x")), id: "ams.example" },
    };
    const once = await wish();
    expect(await ask(as("ams.example"), once)).toMatchObject({ kind: "ok" });
    const attacks: [string, RegExp][] = [
      [once, /decided on before/],
      [await wish({}, {}, transit), /the wish is not valid/],
      [await wish({}, {}, stranger), /the wish is not valid/],
      [await wish({}, { aud: "https://transit.example" }), /it is for https:..transit.example, not for/],
      [
        await sign(domains.bed.signing["ams.example"], CONSENT_TYPE, { aud: "https://san.example" }),
        /signed as something else/,
      ],
      [await wish({ type: "root" }), /lightpath-wish/],
      [await wish({ bandwidthMbps: -1 }), /bandwidthMbps/],
    ];
    for (const [subject, reason] of attacks) {
      expect(await ask(as("ams.example"), subject), String(reason)).toMatchObject(refused(reason));
    }
    const elsewhere = await ask(as("ams.example"), await wish(), undefined, { resource: "https://transit.example" });
    expect(elsewhere).toMatchObject(refused(/this is https:\/\/san.example/));
  });

  it("is given to nobody but a peer, who has its certificate", async () => {
    const alice = await ask(callerOf(domains.bed.clients.alice), await wish());
    expect(alice).toMatchObject(refused(/not allowed for this client/));
    const { certificate: _, ...uncertified } = domains.bed.signing["ams.example"];
    expect(await ask(callerOf(uncertified), await wish())).toMatchObject({ kind: "refused", status: 401 });
    const { certificate } = await as("transit.example");
    const other = await ask(
      as("ams.example").then((ams) => ({ ...ams, ...(certificate && { certificate }) })),
      await wish(),
    );
    expect(other).toMatchObject({ kind: "refused", status: 401 });
  });

  /** The agent of transit gone, another program answers with its certificate, and consents to what it likes. */
  async function answeredBy(consentTo: (asked: z.output<typeof wished>) => Promise<string>) {
    await domains.stop("transit.example");
    const { cert, key } = domains.bed.signing["transit.example"].certificate ?? { cert: "", key: "" };
    const server = createServer({ cert, key }, (request, response) => {
      let body = "";
      request.on("data", (data: Buffer) => (body += data.toString()));
      request.on("end", async () => {
        const [, payload = ""] = (new URLSearchParams(body).get("subject_token") ?? "").split(".");
        const asked = wished.safeParse(payload === "" ? {} : JSON.parse(Buffer.from(payload, "base64url").toString()));
        const token = asked.success ? await consentTo(asked.data) : "";
        response.end(JSON.stringify({ access_token: token, issued_token_type: JWT_TOKEN, token_type: "N_A" }));
      });
    });
    server.listen(Number(new URL(domains.bed.records["transit.example"].url).port), "127.0.0.1");
    await once(server, "listening");
    try {
      return await domains
        .aaa("ams.example")
        .requestGrant(grantFor(wishFor({ vm: "trusting" })))
        .catch(String);
    } finally {
      server.close();
      server.closeAllConnections();
      await domains.start("transit.example");
    }
  }

  it("is believed by the home only if it is that domain's own, to this and to all of it", async () => {
    const stranger = { ...(await makeKey("x")), id: "transit.example" };
    const answers: [(asked: z.output<typeof wished>) => Promise<string>, RegExp][] = [
      [async () => "nonsense", /ams.example refused.*the consent of transit.example is not valid/],
      [async (asked) => await consentOf(stranger, asked), /ams.example refused.*not valid/],
      [async (asked) => await consentOf(own(), asked, { grant: "another" }), /ams.example refused.*another grant/],
      [async (asked) => await consentOf(own(), asked, { bandwidthMbps: 1 }), /ams.example refused.*for 1 Mbps/],
      [async (asked) => await consentOf(own(), { ...asked, sub: "bob" }), /ams.example refused.*was given to bob/],
    ];
    const own = () => domains.bed.signing["transit.example"];
    for (const [consentTo, reason] of answers) expect(await answeredBy(consentTo), String(reason)).toMatch(reason);
    expect(await answeredBy(async (asked) => await consentOf(own(), asked))).toMatchObject({ domains: { length: 3 } });
  });

  const consentOf = async (signer: KeyPair, asked: z.output<typeof wished>, changes: object = {}) =>
    await sign(signer, CONSENT_TYPE, {
      ...{ aud: "ams.example", sub: asked.sub },
      authorization_details: [
        {
          ...{
            ...asked.authorization_details[0],
            type: "lightpath-consent",
            grant: asked.jti,
            sides: [["west"], ["east"]],
          },
          ...changes,
        },
      ],
    });

  it("is asked by a peer that may ask for it, as it is trusted by the configuration", async () => {
    const wary = await startDomains((config) => ({
      ...config,
      peers: config.peers.map((peer) => ({ ...peer, may: config.domain === "san.example" ? ["tell"] : peer.may })),
    }));
    try {
      const asked = wary.aaa("ams.example").requestGrant(grantFor(wishFor()));
      await expect(asked).rejects.toThrow(/^san.example refused.*ams.example may not ask for consent/);
      const channel = new Channel(wary.bed.records["san.example"], callerOf(wary.bed.signing["ams.example"]), 5_000);
      channels.push(channel);
      const occupancy = { ports: ["west"], window: wishFor().window };
      const question = { method: "POST", path: ["drac", "occupancy"], body: occupancy, answer: z.unknown() } as const;
      expect(await channel.ask(question)).toMatchObject(refused(/ams.example may not coordinate/));
      const told = { method: "GET", path: ["drac", "topologies"], answer: z.unknown() } as const;
      expect(await channel.ask(told)).toMatchObject({ kind: "ok" });
    } finally {
      await wary.end();
    }
  });
});
