import { beforeAll } from "vitest";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { grantFor, wishFor } from "../domain/agents.ts";
import { underAttack } from "./attack.ts";
import { consentsOf, detailsOf, forged } from "./forging.ts";

// The home domain itself is the attacker here: it signs whatever suits it.
const scene = underAttack();
const { attack } = scene;
let wish: ReserveRequest;
let token: string;
beforeAll(async () => {
  wish = wishFor();
  token = await scene.domains.tokenFor(wish);
});

const transit = (reason: RegExp) => ({ by: "transit.example", reason }) as const;
const grantOf = async (changes: Partial<ReserveRequest>) =>
  await scene.domains.aaa("ams.example").requestGrant(grantFor({ ...wish, ...changes }));
const home = () => scene.domains.bed.signing["ams.example"];

async function reserveWith(consents: Record<string, string>, details = detailsOf(token)) {
  const bent = await forged(token, home(), { consents, authorization_details: [details] });
  return await scene.domains.drac("ams.example").reserve(wish, bent);
}

attack("consent of one domain removed", transit(/the token holds no consent of transit.example/), async () => {
  const { "transit.example": _, ...fewer } = consentsOf(token);
  return await reserveWith(fewer);
});
attack("consent copied from another request", transit(/transit.example agreed to another grant/), async () => {
  const { "transit.example": copied = "" } = consentsOf((await grantOf({ vm: "other" })).jwt);
  return await reserveWith({ ...consentsOf(token), "transit.example": copied });
});
attack("consent of another domain in its place", transit(/consent of transit.example is not valid/), async () => {
  const { "san.example": foreign = "" } = consentsOf(token);
  return await reserveWith({ ...consentsOf(token), "transit.example": foreign });
});
attack("consent signed by the home domain instead", transit(/it is not what transit.example signed/), async () => {
  const { "transit.example": genuine = "" } = consentsOf(token);
  const own = await forged(genuine, home(), {}, { typ: "turntable-consent+jwt" });
  return await reserveWith({ ...consentsOf(token), "transit.example": own });
});
attack(
  "all consents of a lesser request",
  { by: "ams.example", reason: /ams.example did not agree to this: it is for 10 Mbps, not for 600 Mbps/ },
  async () => {
    const small = await grantOf({ bandwidthMbps: 10 });
    return await reserveWith(consentsOf(small.jwt), { ...detailsOf(token), grant: small.id });
  },
);
attack("a domain on the way taken off the token's audience", transit(/the request carries no proof/), async () => {
  const bent = await forged(token, home(), { aud: ["https://ams.example", "https://san.example"] });
  return await scene.domains.drac("ams.example").reserve(wish, bent);
});
