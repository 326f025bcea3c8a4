import { type CryptoKey, calculateJwkThumbprint, GeneralSign, generalVerify } from "jose";
import { z } from "zod";
import { ALGORITHM } from "../../aaa/keys.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../clock-tolerance.ts";
import { type PublishedKey, publishedKey } from "./key-store.ts";
import type { OwnKeys } from "./own-keys.ts";

/** As the signed key sets of OpenID Federation 1.0 (section 5.2.1) have it. */
const TYP = "jwk-set+jwt";
/** A set that was taken off the wire cannot bring a key back that its domain has since left out. */
const LIFE_SECONDS = 60;
const MOST_KEYS = 16;

const bytes = z
  .string()
  .max(16_384)
  .regex(/^[\w-]*$/);
/** A key set as it travels: a JWS in the general JSON serialization (RFC 7515, 7.2.1), signed once with each key in it. */
export const signedKeySet = z.object({
  payload: bytes,
  signatures: z
    .array(z.object({ protected: bytes, signature: bytes }))
    .min(1)
    .max(MOST_KEYS),
});
export type SignedKeySet = z.output<typeof signedKeySet>;

const claims = z.looseObject({
  ...{ iss: z.string(), iat: z.number(), exp: z.number() },
  keys: z.array(publishedKey).min(1).max(MOST_KEYS),
});
const header = z.looseObject({ typ: z.literal(TYP) });

/** A domain's public keys, vouched for by each of them, so that whoever believes one can believe them all. */
export async function signKeySet(domain: string, { all }: Pick<OwnKeys, "all">): Promise<SignedKeySet> {
  const iat = Math.floor(Date.now() / 1_000);
  const keys = all.map(({ publicJwk, kid }) => ({ ...publicJwk, kid }));
  const statement = claims.parse({ iss: domain, iat, exp: iat + LIFE_SECONDS, keys });
  const sign = new GeneralSign(new TextEncoder().encode(JSON.stringify(statement)));
  for (const { key, kid } of all) sign.addSignature(key).setProtectedHeader({ alg: ALGORITHM, typ: TYP, kid });
  return signedKeySet.parse(await sign.sign());
}

export interface NamedKey {
  readonly kid: string;
  readonly publicJwk: PublishedKey;
}

/**
 * What `domain` publishes, if one of the keys that are believed already signed it and it is of now; undefined if none did.
 */
export async function keysIn(
  set: SignedKeySet,
  domain: string,
  believed: readonly CryptoKey[],
): Promise<readonly NamedKey[] | undefined> {
  for (const key of believed) {
    const found = await generalVerify(set, key, { algorithms: [ALGORITHM] }).catch(() => undefined);
    if (found === undefined || !header.safeParse(found.protectedHeader).success) continue;
    const { iss, iat, exp, keys } = claims.parse(JSON.parse(new TextDecoder().decode(found.payload)));
    const nowSeconds = Date.now() / 1_000;
    const isOfNow = iat - CLOCK_TOLERANCE_SECONDS <= nowSeconds && nowSeconds < exp + CLOCK_TOLERANCE_SECONDS;
    if (iss !== domain || !isOfNow) continue;
    return await Promise.all(
      keys.map(async ({ kty, crv, x }) => {
        const publicJwk = { kty, crv, x };
        return { publicJwk, kid: await calculateJwkThumbprint(publicJwk) };
      }),
    );
  }
  return undefined;
}
