import { randomUUID } from "node:crypto";
import { beforeAll } from "vitest";
import { callerOf } from "../../provider/aaa/caller.ts";
import { Channel } from "../../provider/aaa/channel.ts";
import { granted } from "../../provider/aaa/outcome.ts";
import type { TokenRequest } from "../../provider/aaa/wire.ts";
import { segmentHeld } from "../../provider/domain/wire.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { grantFor, tokenRequestFor, windowIn, wishFor } from "../domain/agents.ts";
import { AMS, SAN, withSecondHosts } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";
import { detailsOf, forged } from "./forging.ts";

const ELSEWHERE = `${SAN}2`;

const scene = underAttack(withSecondHosts(SAN, AMS));
const { attack } = scene;
let wish: ReserveRequest;
let grant: string;
let token: string;
beforeAll(async () => {
  wish = wishFor();
  const aaa = scene.domains.aaa("ams.example");
  grant = (await aaa.requestGrant(grantFor(wish))).jwt;
  token = (await aaa.mintToken({ ...tokenRequestFor(wish), grant })).token;
});

const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;
const san = (reason: RegExp) => ({ by: "san.example", reason }) as const;
const reserve = async (changes: Partial<ReserveRequest>) =>
  await scene.domains.drac("ams.example").reserve({ ...wish, ...changes }, token);
const mint = async (changes: Partial<TokenRequest>) =>
  await scene.domains.aaa("ams.example").mintToken({ ...tokenRequestFor(wish), grant, ...changes });
const later = () => ({ ...wish.window, end: windowIn(0, 6_000).end });

/** Asks san for its part as a coordinator does that looks at no token itself. */
async function hold(changes: Partial<ReserveRequest>, withToken = token): Promise<unknown> {
  const { bed } = scene.domains;
  const channel = new Channel(bed.records["san.example"], callerOf(bed.signing["ams.example"]), 10_000);
  const segment = { domain: "san.example", in: { port: "west", channel: 3 }, out: { port: "host", channel: 3 } };
  const body = { connectionId: randomUUID(), reservation: { ...wish, ...changes }, segment };
  const path = ["drac", "segments"];
  try {
    const passedOn = await scene.domains.rightOf(withToken);
    const answer = await channel.ask({ method: "POST", path, body, passedOn, answer: segmentHeld });
    return granted(answer, channel, "hold its part");
  } finally {
    await channel.close();
  }
}

/** A token of a home domain that signs whatever suits it, though san agreed to less. */
const inflated = async (changes: object) =>
  await forged(token, scene.domains.bed.signing["ams.example"], {
    authorization_details: [{ ...detailsOf(token), ...changes }],
  });

type Change = Partial<Pick<ReserveRequest, "vm" | "bandwidthMbps" | "window" | "to">>;
const OTHERS: readonly [string, () => Change, RegExp][] = [
  ["right token, other VM", () => ({ vm: "other" }), /it is for the VM radar, not for other/],
  ["other path", () => ({ to: ELSEWHERE }), /it is for .*:host and .*:host, not for .*:host and .*:host2/],
  ["higher bandwidth", () => ({ bandwidthMbps: 601 }), /it is for 600 Mbps, not for 601 Mbps/],
  ["longer window", () => ({ window: later() }), /it ends at .*, before /],
];
for (const [name, change, reason] of OTHERS) {
  attack(`${name}: at the token endpoint`, ams(reason), async () => await mint(change()));
  attack(`${name}: at the home domain's controller`, ams(reason), async () => await reserve(change()));
  attack(`${name}: by a coordinator that looks away`, san(reason), async () => await hold(change()));
  attack(`${name}: by a home domain that lies`, san(reason), async () => {
    return await hold(change(), await inflated(change()));
  });
}
attack("other path: the way back", ams(/it is for travel from .*ams.* to .*san/), async () => {
  return await reserve({ from: SAN, to: AMS });
});
attack("longer window: from before it begins", ams(/it begins at .*, after /), async () => {
  return await reserve({ window: { ...wish.window, start: windowIn(-60, 1).start } });
});
attack(
  "token for domain A presented at B",
  { by: "transit.example", reason: /it is for https:\/\/ams.example, not for/ },
  async () => {
    const local = wishFor({ to: `${AMS}2`, vm: "local" });
    const only = await scene.domains.tokenFor(local);
    const transit = scene.domains.drac("transit.example");
    return await transit.reserve(local, only);
  },
);
