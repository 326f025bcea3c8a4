import { decodeJwt, type JWTPayload, SignJWT } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { importSigningKey } from "../../provider/aaa/keys.ts";
import { type LightpathDetails, tokenClaims } from "../../provider/aaa/token.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { type Domains, grantFor, startDomains, windowIn, wishFor } from "./agents.ts";
import { AMS, type KeyPair, makeKey, SAN } from "./testbed.ts";

const payload = z.looseObject({});

describe("a reservation is refused", () => {
  let domains: Domains;
  let wish: ReserveRequest;
  let token: string;
  beforeAll(async () => {
    domains = await startDomains();
    wish = wishFor();
    token = await domains.tokenFor(wish);
  });
  afterAll(async () => await domains.end());

  const attempt = async (asked: ReserveRequest, withToken: string, caller?: KeyPair) =>
    await domains.drac("ams.example", caller).reserve(asked, withToken);

  /** The token with other claims, signed by some key. */
  async function forge(claims: JWTPayload, signer: KeyPair, typ = "at+jwt"): Promise<string> {
    const { key } = await importSigningKey(signer.key, "a test");
    return await new SignJWT({ ...payload.parse(decodeJwt(token)), ...claims })
      .setProtectedHeader({ alg: "EdDSA", typ })
      .sign(key);
  }
  const details = (): LightpathDetails => tokenClaims.parse(decodeJwt(token)).authorization_details[0];
  const consents = (): Record<string, string> => consentsOf(token);

  it("never when the token is for exactly it", async () => {
    const { connectionId } = await attempt(wish, token);
    await domains.drac("ams.example").terminate(connectionId);
  });

  it("for what the token does not cover, each named", async () => {
    const attacks: [Partial<ReserveRequest>, RegExp][] = [
      [{ vm: "other" }, /for the VM radar, not for other/],
      [{ bandwidthMbps: 601 }, /for 600 Mbps, not for 601/],
      [{ window: { ...wish.window, end: windowIn(0, 6_000).end } }, /it ends at/],
      [{ window: { ...wish.window, start: windowIn(-60, 1).start } }, /it begins at/],
      [{ from: SAN, to: AMS }, /it is for travel from/],
      [{ to: "urn:ogf:network:san.example:2026:other" }, /not for .*other/],
    ];
    for (const [changes, reason] of attacks) {
      const refused = { code: "domain.refused", message: expect.stringMatching(reason) };
      await expect(attempt({ ...wish, ...changes }, token)).rejects.toMatchObject(refused);
    }
  });

  it("without a token, and to who is not its bearer", async () => {
    await expect(attempt(wish, "")).rejects.toThrow(/token/);
    await expect(attempt(wish, token, domains.bed.clients.bob)).rejects.toThrow(/given to alice, not to bob/);
  });

  it("with a token that no trusted domain signed, or that is over", async () => {
    const [head, , tail] = token.split(".");
    const higher = { ...details(), bandwidthMbps: 1_000 };
    const altered = { ...decodeJwt(token), authorization_details: [higher] };
    const tampered = [head, Buffer.from(JSON.stringify(altered)).toString("base64url"), tail].join(".");
    const home = domains.bed.signing["ams.example"];
    const stranger = await makeKey("stranger.example");
    const attacks: [string, RegExp][] = [
      [tampered, /signature verification failed/],
      [await forge({}, stranger), /signature verification failed/],
      [await forge({ iss: "stranger.example" }, stranger), /not signed by a domain that ams.example trusts/],
      [await forge({ exp: Math.floor(Date.now() / 1_000) - 60 }, home), /"exp" claim/],
      [await forge({ nbf: Math.floor(Date.now() / 1_000) + 600 }, home), /"nbf" claim/],
      [await forge({ aud: ["https://transit.example", "https://san.example"] }, home), /"aud" claim/],
      [await forge({}, home, "turntable-grant+jwt"), /"typ"/],
      [await forge({ authorization_details: [] }, home), /has not the form/],
      [`${Buffer.from('{"alg":"none","typ":"at+jwt"}').toString("base64url")}.${token.split(".")[1]}.`, /is not valid/],
    ];
    for (const [forged, reason] of attacks) await expect(attempt(wish, forged), String(reason)).rejects.toThrow(reason);
  });

  it("by the very domain that did not agree, though a trusted home domain says it did", async () => {
    // The home domain itself is the attacker here: it signs whatever suits it.
    const home = domains.bed.signing["ams.example"];
    const { "transit.example": _, ...fewer } = consents();
    const other = await domains.aaa("ams.example").requestGrant(grantFor({ ...wish, vm: "other" }));
    const swapped = consentsOf(other.jwt);
    const small = await domains.aaa("ams.example").requestGrant(grantFor({ ...wish, bandwidthMbps: 10 }));
    const transit = (claims: Record<string, string>, grant = details().grant) =>
      forge({ consents: claims, authorization_details: [{ ...details(), grant }] }, home);
    const attacks: [string, RegExp][] = [
      [await transit(fewer), /^transit.example refused.*no consent of transit.example/],
      [
        await transit({ ...consents(), "transit.example": swapped["transit.example"] ?? "" }),
        /^transit.example refused.*another grant/,
      ],
      [
        await transit({ ...consents(), "transit.example": consents()["san.example"] ?? "" }),
        /^transit.example refused.*not valid/,
      ],
      [
        await transit({ ...consents(), "transit.example": await forge({}, home) }),
        /^transit.example refused.*not valid/,
      ],
      [await transit({ ...swapped, "ams.example": consents()["ams.example"] ?? "" }), /refused.*another grant/],
      [
        await forge({ aud: ["https://ams.example", "https://san.example"] }, home),
        /^transit.example refused.*"aud" claim/,
      ],
    ];
    for (const [forged, reason] of attacks) await expect(attempt(wish, forged), String(reason)).rejects.toThrow(reason);
    const smallToken = { ...details(), bandwidthMbps: 600, grant: small.id };
    const inflated = await forge({ consents: consentsOf(small.jwt), authorization_details: [smallToken] }, home);
    const disagree = /ams.example did not agree to this: it is for 10 Mbps, not for 600 Mbps/;
    await expect(attempt(wish, inflated)).rejects.toThrow(disagree);
  });

  it("leaving nothing held anywhere", async () => {
    const all = await domains.drac("ams.example").list();
    expect(all.filter(({ state }) => state !== "terminated")).toEqual([]);
    const whole = wishFor({ bandwidthMbps: 1_000 });
    const { connectionId } = await attempt(whole, await domains.tokenFor(whole));
    await domains.drac("ams.example").terminate(connectionId);
  });

  it("with a client's signature where only domains may ask, and the other way round", async () => {
    const { alice } = domains.bed.clients;
    const pretending = domains.bed.signing["transit.example"];
    await expect(domains.drac("ams.example", pretending).list()).rejects.toThrow(/for clients of the domain/);
    const asDomain = domains.aaa("ams.example", { ...alice, id: "transit.example" });
    await expect(asDomain.grantStatus("any")).rejects.toThrow(/a domain is known by its certificate/);
  });
});

function consentsOf(jwt: string): Record<string, string> {
  return tokenClaims.pick({ consents: true }).parse(decodeJwt(jwt)).consents;
}
