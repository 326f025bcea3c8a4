import { beforeAll } from "vitest";
import { signAssertion } from "../../provider/aaa/assertion.ts";
import { callerOf } from "../../provider/aaa/caller.ts";
import type { ReserveRequest } from "../../provider/lightpath/drac/wire.ts";
import { wishFor } from "../domain/agents.ts";
import { makeKey } from "../domain/testbed.ts";
import { underAttack } from "./attack.ts";
import { detailsOf, forged, keyedWithPublicKey, seconds, tampered, unsigned, withKeyOfItsOwn } from "./forging.ts";
import { Raw } from "./raw.ts";

const scene = underAttack();
const { attack } = scene;
let wish: ReserveRequest;
let token: string;
beforeAll(async () => {
  wish = wishFor();
  token = await scene.domains.tokenFor(wish);
});

const reserve = async (withToken: string) => await scene.domains.drac("ams.example").reserve(wish, withToken);
const home = () => scene.domains.bed.signing["ams.example"];
const ams = (reason: RegExp) => ({ by: "ams.example", reason }) as const;

attack("no token at all", ams(/the request carries no token/), async () => {
  const { bed } = scene.domains;
  const assertion = await signAssertion(await callerOf(bed.clients.alice), "ams.example");
  const headers = { authorization: `Bearer ${assertion}`, "content-type": "application/json" };
  const raw = await Raw.from(bed);
  try {
    await raw.require({ method: "POST", path: "/drac/connections", headers, body: JSON.stringify(wish) });
  } finally {
    await raw.close();
  }
});
attack("forged signature: by another key", ams(/not what ams.example signed/), async () => {
  return await reserve(await forged(token, await makeKey("mallory"), {}));
});
attack("forged signature: claims changed under it", ams(/not what ams.example signed/), async () => {
  return await reserve(tampered(token, { authorization_details: [{ ...detailsOf(token), bandwidthMbps: 1_000 }] }));
});
attack("alg confusion: none", ams(/not signed with EdDSA/), async () => await reserve(unsigned(token)));
attack("alg confusion: the public key as an HMAC's secret", ams(/not signed with EdDSA/), async () => {
  return await reserve(await keyedWithPublicKey(token, home()));
});
attack("alg confusion: another algorithm, with its key", ams(/not signed with EdDSA/), async () => {
  return await reserve(await withKeyOfItsOwn(token));
});
attack("alg confusion: a key that the token brings along", ams(/not what ams.example signed/), async () => {
  const mallory = await makeKey("mallory");
  return await reserve(await forged(token, mallory, {}, { jwk: { ...mallory.publicKey } }));
});
attack("a grant in a token's place", ams(/signed as something else/), async () => {
  return await reserve(await forged(token, home(), {}, { typ: "turntable-grant+jwt" }));
});
attack("not of a token's form", ams(/has not the form of a lightpath's token/), async () => {
  return await reserve(await forged(token, home(), { authorization_details: [] }));
});
attack("expired", ams(/it ended at 20/), async () => {
  return await reserve(await forged(token, home(), { exp: seconds(-60) }));
});
attack("not yet valid", ams(/it begins at 20/), async () => {
  return await reserve(await forged(token, home(), { nbf: seconds(600) }));
});
attack("unknown issuer", ams(/not signed by a domain that ams.example trusts/), async () => {
  const stranger = await makeKey("stranger.example");
  return await reserve(await forged(token, stranger, { iss: "stranger.example" }));
});
