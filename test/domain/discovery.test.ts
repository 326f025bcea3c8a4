import { decodeJwt, importJWK, SignJWT } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel, nothing } from "../../provider/aaa/channel.ts";
import type { Topology } from "../../provider/domain/config.ts";
import { topologies } from "../../provider/domain/wire.ts";
import { type Domains, grantFor, startDomains, wishFor } from "./agents.ts";
import { AMS, type ConfigFile, type KeyPair, makeKey, type Name, SAN, TOPOLOGY } from "./testbed.ts";

const channels: Channel[] = [];
afterEach(async () => await Promise.all(channels.splice(0).map((channel) => channel.close())));

/** What one domain tells a peer that calls with this key. */
async function toldBy(domains: Domains, name: Name, as: Name): Promise<ReadonlyMap<string, string>> {
  const answer = await channelTo(domains, name, domains.bed.signing[as]).ask({
    ...{ method: "GET", path: ["drac", "topologies"], answer: topologies },
  });
  if (answer.kind !== "ok") throw new Error(`${name} told nothing: ${JSON.stringify(answer)}`);
  return new Map(answer.value.map(({ document }) => [decodeJwt(document).iss ?? "", document]));
}

function channelTo(domains: Domains, name: Name, caller: KeyPair): Channel {
  const channel = new Channel(domains.bed.records[name], callerOf(caller), 5_000);
  channels.push(channel);
  return channel;
}

/** Each domain is configured with itself alone. */
function alone(config: ConfigFile): ConfigFile {
  const { domain, topology } = config;
  const stps = topology.stps.filter((stp) => stp.domain === domain);
  const links = topology.links.filter(({ a, b }) => a.domain === domain || b.domain === domain);
  return { ...config, topology: { stps, links }, discovery: { refreshSeconds: 0.5, lifeSeconds: 300 } };
}

async function sign(signer: KeyPair, claims: object, changes: { iss?: string; life?: string } = {}): Promise<string> {
  return await new SignJWT({ aud: "topology", ...claims })
    .setProtectedHeader({ alg: "EdDSA", typ: "topology+jwt" })
    .setIssuer(changes.iss ?? signer.id)
    .setIssuedAt()
    .setExpirationTime(changes.life ?? "5m")
    .sign(await importJWK(JSON.parse(signer.key), "EdDSA"));
}

describe("a domain's topology", () => {
  let domains: Domains;
  beforeAll(async () => {
    domains = await startDomains(alone);
  });
  afterAll(async () => await domains.end());

  const known = async (name: Name, as: Name) => [...(await toldBy(domains, name, as)).keys()].sort();
  const all = ["ams.example", "san.example", "transit.example"];

  it("is told to its peers, so that a way can be found through domains that nobody configured", async () => {
    await expect.poll(() => known("ams.example", "transit.example")).toEqual(all);
    const wish = wishFor({ bandwidthMbps: 100 });
    const got = await domains.drac("ams.example").reserve(wish, await domains.tokenFor(wish));
    expect(got).toMatchObject({ rttMs: 200, segments: [{}, { domain: "transit.example" }, {}] });
    await domains.drac("ams.example").terminate(got.connectionId);
  });

  it("is refused if it was changed, is old, is another's, or is signed by nobody who is known", async () => {
    await expect.poll(() => known("san.example", "transit.example")).toEqual(all);
    const { signing, clients } = domains.bed;
    const { "ams.example": genuine = "" } = Object.fromEntries(await toldBy(domains, "san.example", "transit.example"));
    const claims = decodeJwt(genuine);
    const told = claims.topology as Topology;
    const version = Number(claims.version);
    const newer = { version: version + 1e9, topology: told };
    const [header, , signature] = genuine.split(".");
    const wide = { ...told, links: told.links.map((link) => ({ ...link, capacityMbps: 1e6 })) };
    const changed = Buffer.from(JSON.stringify({ ...claims, ...newer, topology: wide })).toString("base64url");
    const stranger = await makeKey("stranger.example");
    const nowhere: Topology = { stps: [], links: [] };
    const transit = signing["transit.example"];
    const foreignStp = { stps: [{ id: SAN, domain: "transit.example", port: "east" }], links: [] };
    const foreignLink = {
      stps: [],
      links: TOPOLOGY.links.map((link) => ({ ...link, a: { domain: "x", port: "" }, b: link.a })),
    };
    // Another version is known by then.
    await expect
      .poll(async () => (await toldBy(domains, "san.example", "transit.example")).get("ams.example"))
      .not.toBe(genuine);
    const attacks: [string, string, string][] = [
      ["changed on the way", [header, changed, signature].join("."), "signature.invalid"],
      ["replayed", genuine, "topology.older"],
      ["of a domain that nobody knows", await sign(stranger, newer), "signature.untrusted"],
      ["in another's name", await sign(transit, newer, { iss: "ams.example" }), "signature.invalid"],
      ["over", await sign(signing["ams.example"], newer, { life: "-1m" }), "signature.invalid"],
      ["for ever", await sign(signing["ams.example"], newer, { life: "400 days" }), "topology.long"],
      ["about another's place", await sign(transit, { ...newer, topology: foreignStp }), "topology.foreign"],
      ["about others' links", await sign(transit, { ...newer, topology: foreignLink }), "topology.foreign"],
      ["of the reader itself", await sign(signing["san.example"], { ...newer, topology: nowhere }), "topology.older"],
      [
        "no topology",
        await sign(transit, { ...newer, topology: { stps: [{ id: AMS }], links: [] } }),
        "topology.malformed",
      ],
    ];
    const channel = channelTo(domains, "san.example", transit);
    const post = { method: "POST", path: ["drac", "topologies"], answer: nothing } as const;
    for (const [what, document, error] of attacks) {
      expect(await channel.ask({ ...post, body: { document } }), what).toMatchObject({
        kind: "refused",
        refusal: { error },
      });
    }
    for (const [caller, status] of [
      [stranger, 401],
      [clients.alice, 403],
    ] as const) {
      const asked = { ...post, body: { document: await sign(signing["ams.example"], newer) } };
      expect(await channelTo(domains, "san.example", caller).ask(asked)).toMatchObject({ kind: "refused", status });
    }
    const after = decodeJwt((await toldBy(domains, "san.example", "transit.example")).get("ams.example") ?? "");
    expect([after.topology, Number(after.version) > version, Number(after.version) < version + 1e9]).toEqual([
      told,
      true,
      true,
    ]);
    expect(await known("san.example", "transit.example")).toEqual(all);
  });

  it("is what its domain itself says it is, even if others say more of it", async () => {
    const { signing } = domains.bed;
    const phantom = { id: "phantom", a: { domain: "ams.example", port: "x" }, b: { domain: "san.example", port: "x" } };
    const shortcut = { ...phantom, capacityMbps: 1e6, channels: 9, delayMs: 0.1 };
    const claims = decodeJwt((await toldBy(domains, "ams.example", "transit.example")).get("san.example") ?? "");
    const told = claims.topology as Topology;
    // Newer than what san says when it is back: the lie is what ams goes by.
    const lie = { version: Date.now() + 60_000, topology: { ...told, links: [...told.links, shortcut] } };
    const body = { document: await sign(signing["san.example"], lie) };
    const post = { method: "POST", path: ["drac", "topologies"], answer: nothing, body } as const;
    await domains.stop("san.example");
    expect(await channelTo(domains, "ams.example", signing["san.example"]).ask(post)).toMatchObject({ kind: "ok" });
    await domains.start("san.example");
    const { domains: way } = await domains.aaa("ams.example").requestGrant(grantFor(wishFor({ bandwidthMbps: 10 })));
    expect((await toldBy(domains, "ams.example", "transit.example")).get("san.example")).toBe(body.document);
    expect(way).toEqual(["ams.example", "transit.example", "san.example"]);
  });

  it("is remembered by those who learned it when they start anew", async () => {
    await expect.poll(() => known("ams.example", "transit.example")).toEqual(all);
    for (const name of ["san.example", "transit.example", "ams.example"] as const) await domains.stop(name);
    await domains.start("ams.example");
    expect(await known("ams.example", "transit.example")).toEqual(all);
    await Promise.all([domains.start("transit.example"), domains.start("san.example")]);
  });
});

describe("a topology that travels", () => {
  let domains: Domains;
  afterAll(async () => await domains.end());

  it("reaches domains that its own cannot reach, by way of their peers, and ages out when nobody refreshes it", async () => {
    const unreachable = (domain: string): string => (domain === "ams.example" ? "san.example" : "ams.example");
    domains = await startDomains((config) => ({
      ...alone(config),
      discovery: { refreshSeconds: 0.5, lifeSeconds: 8 },
      peers: config.peers.map((peer) => {
        const cut = config.domain !== "transit.example" && peer.domain === unreachable(config.domain);
        return cut ? { ...peer, url: "https://127.0.0.1:1" } : peer;
      }),
    }));
    const known = async () => [...(await toldBy(domains, "ams.example", "transit.example")).keys()].sort();
    await expect.poll(known).toEqual(["ams.example", "san.example", "transit.example"]);
    const ask = async () => {
      const wish = grantFor(wishFor({ bandwidthMbps: 10 }));
      return await domains
        .aaa("ams.example")
        .requestGrant(wish)
        .then(() => "", String);
    };
    // San is known, and where it is, though it does not answer.
    expect(await ask()).toContain("san.example at https://127.0.0.1:1 does not answer");
    await domains.stop("san.example");
    await expect.poll(known).toEqual(["ams.example", "transit.example"]);
    expect(await ask()).toContain(`there is no STP ${SAN} in the topology`);
    await domains.start("san.example");
    await expect.poll(known).toEqual(["ams.example", "san.example", "transit.example"]);
  });
});
