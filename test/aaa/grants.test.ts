import { calculateJwkThumbprint, decodeJwt, decodeProtectedHeader } from "jose";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { GrantRequest } from "../../provider/aaa/wire.ts";
import { authTokenResource } from "../../provider/resources/auth-token.ts";
import { type Domains, grantFor, startDomains, tokenRequestFor, windowIn, wishFor } from "../domain/agents.ts";
import { AMS, NAMES, policiesUpTo, SAN } from "../domain/testbed.ts";
import { composed } from "../resources/declarations.ts";

describe("grants and tokens of three domains", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains(
      (config) => ({ ...config, tokenSeconds: 100 }),
      (name) => policiesUpTo(name === "transit.example" ? 800 : 1_000),
    );
  });
  afterAll(async () => await domains.end());

  it("hold the consent of every domain on the way, signed by each", async () => {
    const aaa = domains.aaa("ams.example");
    const granted = await aaa.requestGrant(grantFor(wishFor()));
    expect(granted.domains).toEqual(NAMES);
    const { consents } = decodeJwt<{ consents: Record<string, string> }>(granted.jwt);
    expect(Object.keys(consents)).toEqual(NAMES);
    for (const [domain, jwt] of Object.entries(consents))
      expect(decodeJwt(jwt)).toMatchObject({ iss: domain, sub: "alice" });
    expect(await aaa.grantStatus(granted.id)).toMatchObject({ id: granted.id, state: "active", domains: NAMES });
  });

  it("are told as expired once their time is over, which is no reason for another", async () => {
    const { id, key } = domains.bed.clients.alice;
    const resource = authTokenResource(composed({ callerId: id, callerKey: key }));
    const { from, to, bandwidthMbps, vm } = wishFor();
    const declared = {
      between: [
        { name: "ams", stp: from },
        { name: "san", stp: to },
      ],
      ...{ bandwidthMbps, vm, window: windowIn(0, 3), home: domains.bed.records["ams.example"] },
    };
    const { id: grant, outs } = await resource.create({ inputs: declared });
    const stateNow = async () => (await resource.read({ id: grant, props: outs })).props.state;
    expect(outs.state).toBe("active");
    await expect.poll(stateNow, { timeout: 20_000 }).toBe("expired");
    const olds = (await resource.read({ id: grant, props: outs })).props;
    expect(await resource.diff({ id: grant, olds, news: declared })).toMatchObject({ changes: false, replaces: [] });
  });

  it("give tokens for either direction, for a part of the rate and of the time", async () => {
    const aaa = domains.aaa("ams.example");
    const wish = wishFor();
    const grant = (await aaa.requestGrant(grantFor(wish))).jwt;
    const back = { ...tokenRequestFor(wish), from: SAN, to: AMS, bandwidthMbps: 100, grant };
    const { token, domains: way, expiresAt } = await aaa.mintToken(back);
    expect(way).toEqual([...NAMES].reverse());
    expect(decodeProtectedHeader(token)).toMatchObject({ alg: "EdDSA", typ: "at+jwt" });
    const claims = decodeJwt(token);
    expect(claims).toMatchObject({
      iss: "https://ams.example",
      sub: "alice",
      client_id: "alice",
      aud: ["https://ams.example", "https://transit.example", "https://san.example"],
      cnf: { jkt: await calculateJwkThumbprint(domains.bed.clients.alice.publicKey) },
    });
    expect(claims.authorization_details).toMatchObject([
      { type: "lightpath", from: SAN, to: AMS, siteKey: back.siteKey },
      { type: "vm-placement", vm: back.vm, site: AMS, siteKey: back.siteKey },
    ]);
    expect(Date.parse(expiresAt) - Date.now()).toBeLessThanOrEqual(100_000);
    const short = wishFor({ window: windowIn(0, 20) });
    const soon = await aaa.mintToken({ ...tokenRequestFor(short), grant });
    expect(Date.parse(soon.expiresAt)).toBeLessThanOrEqual(Date.parse(short.window.end));
  });

  it("are refused beyond what a grant covers, with all that is missing", async () => {
    const aaa = domains.aaa("ams.example");
    const grant = (await aaa.requestGrant(grantFor(wishFor()))).jwt;
    const asked = aaa.mintToken({ ...tokenRequestFor(wishFor({ bandwidthMbps: 601, vm: "other", to: AMS })), grant });
    await expect(asked).rejects.toThrow(/601 Mbps.*the VM radar, not for other/);
    const long = { ...tokenRequestFor(wishFor({ window: windowIn(-10, 10_000) })), grant };
    await expect(aaa.mintToken(long)).rejects.toThrow(/begins at.*ends at/);
  });

  it("are given to whom the grant was given, by the domain that gave it, for a grant as it was signed", async () => {
    const aaa = domains.aaa("ams.example");
    const granted = await aaa.requestGrant(grantFor(wishFor()));
    const request = { ...tokenRequestFor(wishFor()), grant: granted.jwt, window: granted.window };
    const refused = { code: "domain.refused" };
    await expect(domains.aaa("ams.example", domains.bed.clients.bob).mintToken(request)).rejects.toMatchObject(refused);
    await expect(domains.aaa("san.example").mintToken(request)).rejects.toMatchObject(refused);
    await expect(aaa.mintToken({ ...request, grant: granted.id })).rejects.toThrow(/the grant is not valid/);
    const [head, , tail] = granted.jwt.split(".");
    const altered = Buffer.from(JSON.stringify({ ...decodeJwt(granted.jwt), sub: "bob" })).toString("base64url");
    const forged = { ...request, grant: [head, altered, tail].join(".") };
    await expect(domains.aaa("ams.example", domains.bed.clients.bob).mintToken(forged)).rejects.toThrow(/signature/);
    expect(await domains.aaa("ams.example", domains.bed.clients.bob).grantStatus(granted.id)).toBeUndefined();
  });

  it("are over once the grant is revoked, which every domain learns", async () => {
    const aaa = domains.aaa("ams.example");
    const wish = wishFor({ vm: "revoked" });
    const granted = await aaa.requestGrant(grantFor(wish));
    const { token } = await aaa.mintToken({ ...tokenRequestFor(wish), grant: granted.jwt });
    await aaa.revokeGrant(granted.id);
    await aaa.revokeGrant(granted.id);
    await aaa.revokeGrant("no-such-grant");
    expect((await aaa.grantStatus(granted.id))?.state).toBe("revoked");
    await expect(aaa.mintToken({ ...tokenRequestFor(wish), grant: granted.jwt })).rejects.toThrow(/is revoked/);
    await expect(domains.drac("ams.example").reserve(wish, token)).rejects.toThrow(/is revoked/);
    await expect(domains.drac("san.example").reserve(wish, token)).rejects.toThrow(/^san.example refused.*is revoked/);
  });

  const refusals: [string, Partial<GrantRequest>, RegExp][] = [
    [
      "more than a domain on the way allows",
      { bandwidthMbps: 900 },
      /^transit.example refused by its policy "rate" to .*800 Mbps at most/,
    ],
    [
      "more than the client's own limit",
      { bandwidthMbps: 1_001 },
      /^ams.example refused by its policy "rate".*1000 Mbps at most/,
    ],
    ["a window that is over", { window: windowIn(-20, 10) }, /the window ended/],
    ["a window without end", { window: windowIn(0, 400 * 86_400) }, /more than 366 days/],
    ["an STP that is not there", { between: [AMS, "urn:ogf:network:san.example:2026:nowhere"] }, /no STP/],
    ["a path from a place to itself", { between: [AMS, AMS] }, /no path/],
    [
      "a window that ends before it starts",
      { window: { start: windowIn(9, 1).start, end: windowIn(0, 1).end } },
      /before/,
    ],
    ["no bandwidth", { bandwidthMbps: 0 }, /bandwidthMbps/],
  ];
  it.each(refusals)("are refused for %s", async (_, changes, reason) => {
    const asked = domains.aaa("ams.example").requestGrant({ ...grantFor(wishFor()), ...changes });
    await expect(asked).rejects.toMatchObject({ code: "domain.refused", message: expect.stringMatching(reason) });
  });
});
