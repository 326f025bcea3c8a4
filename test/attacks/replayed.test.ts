import { randomUUID } from "node:crypto";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { granted } from "../../provider/aaa/outcome.ts";
import { segmentHeld } from "../../provider/domain/wire.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { grantFor, tokenRequestFor, wishFor } from "../domain/agents.ts";
import { NAMES } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";

const scene = underAttack();
const { attack } = scene;
const drac = () => scene.domains.drac("ams.example");
const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;
const used = ams(/the token was used before, for \S+ of ams.example/);

/** A token that did what it was for. */
async function spent(wish: ReserveRequest): Promise<string> {
  const token = await scene.domains.tokenFor(wish);
  await drac().terminate((await drac().reserve(wish, token)).connectionId);
  return token;
}

attack("replayed: for a second reservation", used, async () => {
  const wish = wishFor({ bandwidthMbps: 100 });
  return await drac().reserve(wish, await spent(wish));
});
attack("replayed: for a second reservation, after a restart of all", used, async () => {
  const wish = wishFor({ bandwidthMbps: 100 });
  const token = await spent(wish);
  for (const name of NAMES) {
    await scene.domains.stop(name);
    await scene.domains.start(name);
  }
  return await drac().reserve(wish, token);
});
attack("replayed: to light what another token reserved", used, async () => {
  const wish = wishFor({ bandwidthMbps: 100 });
  const token = await spent(wish);
  const { connectionId } = await drac().reserve(wish, await scene.domains.tokenFor(wish));
  try {
    return await drac().provision(connectionId, token);
  } finally {
    await drac().terminate(connectionId);
  }
});
attack("replayed: to raise what another token reserved", used, async () => {
  const wish = wishFor({ bandwidthMbps: 300 });
  const token = await spent(wish);
  const lesser = { ...wish, bandwidthMbps: 100 };
  const { connectionId } = await drac().reserve(lesser, await scene.domains.tokenFor(lesser));
  try {
    return await drac().modify(connectionId, { vm: wish.vm, bandwidthMbps: 300 }, token);
  } finally {
    await drac().terminate(connectionId);
  }
});
attack(
  "replayed: by a controller that a later move of the VM has overtaken",
  ams(/the token is for epoch 2 of radar, and epoch 3 came since/),
  async () => {
    const aaa = scene.domains.aaa("ams.example");
    const wish = wishFor({ bandwidthMbps: 100 });
    const { jwt: grant } = await aaa.requestGrant(grantFor(wish));
    const mint = async (epoch: number) => (await aaa.mintToken({ ...tokenRequestFor(wish), grant, epoch })).token;
    const [overtaken, newer] = [await mint(2), await mint(3)];
    const { connectionId } = await drac().reserve(wish, newer);
    try {
      await drac().provision(connectionId, newer);
      await drac().release(connectionId);
      return await drac().provision(connectionId, overtaken);
    } finally {
      await drac().terminate(connectionId);
    }
  },
);
attack(
  "replayed: by a domain on the way, with its holder's consent",
  { by: "san.example", reason: /the token was used before, for \S+ of ams.example/ },
  async () => {
    const { bed } = scene.domains;
    const wish = wishFor({ bandwidthMbps: 100 });
    const token = await spent(wish);
    const channel = new Channel(bed.records["san.example"], callerOf(bed.signing["transit.example"]), 10_000);
    const segment = { domain: "san.example", in: { port: "west", channel: 3 }, out: { port: "host", channel: 3 } };
    const body = { connectionId: randomUUID(), reservation: wish, segment };
    const path = ["drac", "segments"];
    const passedOn = await scene.domains.rightOf(token);
    const answer = await channel.ask({ method: "POST", path, body, passedOn, answer: segmentHeld });
    await channel.close();
    return granted(answer, channel, "hold its part");
  },
);

const revoked = async (wish: ReserveRequest) => {
  const aaa = scene.domains.aaa("ams.example");
  const grant = await aaa.requestGrant(grantFor(wish));
  const { token } = await aaa.mintToken({ ...tokenRequestFor(wish), grant: grant.jwt });
  await aaa.revokeGrant(grant.id);
  return { grant, token };
};
attack("revoked: at the token endpoint", ams(/the grant \S+ is revoked/), async () => {
  const wish = wishFor();
  const { grant } = await revoked(wish);
  return await scene.domains.aaa("ams.example").mintToken({ ...tokenRequestFor(wish), grant: grant.jwt });
});
attack("revoked: at the home domain's controller", ams(/the grant \S+ is revoked/), async () => {
  const wish = wishFor();
  return await drac().reserve(wish, (await revoked(wish)).token);
});
attack("revoked: at another domain", { by: "san.example", reason: /the grant \S+ is revoked/ }, async () => {
  const wish = wishFor();
  return await scene.domains.drac("san.example").reserve(wish, (await revoked(wish)).token);
});
