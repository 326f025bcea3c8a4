import { beforeAll } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import type { Credential } from "../../provider/aaa/credential.ts";
import { granted } from "../../provider/aaa/outcome.ts";
import { signProof } from "../../provider/aaa/proof.ts";
import { segmentHeld } from "../../provider/domain/wire.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { type KeyPair, makeKey, type Name, TOPOLOGY } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";
import { Raw } from "./raw.ts";

const scene = underAttack();
const { attack } = scene;
let wish: ReserveRequest;
let grant: string;
let token: string;
let mallory: KeyPair;
beforeAll(async () => {
  mallory = await makeKey("mallory");
  wish = wishFor();
  const aaa = scene.domains.aaa("ams.example");
  grant = (await aaa.requestGrant(grantFor(wish))).jwt;
  token = (await aaa.mintToken({ ...tokenRequestFor(wish), grant })).token;
});

const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;
const reserveAs = async (thief: KeyPair) => await scene.domains.drac("ams.example", thief).reserve(wish, token);
const alice = () => scene.domains.bed.clients.alice;
const proofFor = async (domain: Name) => `Bearer ${await signAssertion(await callerOf(alice()), domain)}`;

/** Asks ams for alice's connections, with proofs of who calls that were made before. */
async function listWith(...proofs: readonly string[]): Promise<void> {
  const raw = await Raw.from(scene.domains.bed);
  try {
    for (const authorization of proofs) await raw.require({ path: "/drac/connections", headers: { authorization } });
  } finally {
    await raw.close();
  }
}

attack("stolen token without its key: by another client", ams(/was given to alice, not to bob/), async () => {
  return await reserveAs(scene.domains.bed.clients.bob);
});
attack("stolen token without its key: by a stranger", ams(/the caller is not known to ams.example/), async () => {
  return await reserveAs(mallory);
});
attack(
  "stolen token without its key: in its bearer's name",
  ams(/the caller is not known to ams.example/),
  async () => {
    return await reserveAs({ ...mallory, id: "alice" });
  },
);
attack("stolen token without its key: by a domain that saw it", ams(/this is for clients of the domain/), async () => {
  return await reserveAs(scene.domains.bed.signing["transit.example"]);
});

/** transit, which is on the way and so gets to see the token, asks san for its part of a connection of transit's own. */
async function coordinateAsTransit(proofFor: Credential["proofFor"]) {
  const { bed } = scene.domains;
  const channel = new Channel(bed.records["san.example"], callerOf(bed.signing["transit.example"]), 10_000);
  const [own] = [...TOPOLOGY.stps].filter(({ domain }) => domain === "san.example");
  const out = { port: own?.port ?? "", channel: 0 };
  const body = {
    connectionId: "transit-for-itself",
    reservation: { ...wish, window: { ...wish.window } },
    segment: { domain: "san.example", in: { port: "west", channel: 0 }, out },
  };
  const passedOn = { token, proofFor };
  const asked = { method: "POST", path: ["drac", "segments"], body, passedOn, answer: segmentHeld } as const;
  const answer = await channel.ask(asked).finally(() => channel.close());
  return granted(answer, channel, "hold a part");
}
const san = (reason: RegExp) => ({ by: "san.example", reason }) as const;
const passedOn = "stolen token without its key: passed on by a domain that saw it,";
attack(`${passedOn} without a proof`, san(/the request carries no proof/), async () => {
  return await coordinateAsTransit(async () => undefined);
});
attack(`${passedOn} with a proof of its own`, san(/it is not bound to the key that the proof is by/), async () => {
  const own = await callerOf(scene.domains.bed.signing["transit.example"]);
  return await coordinateAsTransit(async (request) => await signProof(own, { ...request, token }));
});
attack(`${passedOn} with its holder's proof for something else`, san(/it is for .*commit, not for/), async () => {
  const holder = await callerOf(alice());
  const uri = "https://san.example/drac/segments/another/commit";
  return await coordinateAsTransit(async ({ method }) => await signProof(holder, { method, uri, token }));
});
attack("stolen grant: at the token endpoint", ams(/the grant is not valid: it was given to alice/), async () => {
  const thief = scene.domains.aaa("ams.example", scene.domains.bed.clients.bob);
  return await thief.mintToken({ ...tokenRequestFor(wish), grant });
});
attack("a stranger in a client's name", ams(/it is not what alice signed/), async () => {
  return await scene.domains.drac("ams.example", { ...mallory, id: "alice" }).list();
});
attack("a stranger in a client's name: at the token endpoint", ams(/client authentication failed/), async () => {
  const aaa = scene.domains.aaa("ams.example", { ...mallory, id: "alice" });
  return await aaa.mintToken({ ...tokenRequestFor(wish), grant });
});
attack("a client in a domain's name", ams(/a domain is known by its certificate/), async () => {
  return await scene.domains.aaa("ams.example", { ...alice(), id: "transit.example" }).grantStatus("any");
});
attack("replayed: a proof of who calls", ams(/the assertion was used before/), async () => {
  const proof = await proofFor("ams.example");
  return await listWith(proof, proof);
});
attack(
  "a proof of who calls, presented at another domain",
  ams(/it is for san.example, not for ams.example/),
  async () => {
    return await listWith(await proofFor("san.example"));
  },
);
