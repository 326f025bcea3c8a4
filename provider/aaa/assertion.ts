import { randomUUID } from "node:crypto";
import { type CryptoKey, SignJWT } from "jose";
import { z } from "zod";
import { ALGORITHM } from "./keys.ts";

/** No assertion may live longer than this, so that domains need to remember spent ones only for so long. */
export const ASSERTION_MAX_SECONDS = 60;
export const ASSERTION_TYPE = "client-authentication+jwt";

/** What an assertion says: who calls (iss = sub), which domain is called, and a number that is used once. */
export const assertionClaims = z.object({
  iss: z.string(),
  sub: z.string(),
  aud: z.string(),
  jti: z.string().min(8).max(128),
  iat: z.number(),
  exp: z.number(),
});

/** Who signs: a client by its id. */
export interface Signer {
  readonly id: string;
  readonly key: CryptoKey;
}

/** A fresh proof of who calls, for one request to one domain (the form of RFC 7523's private_key_jwt). */
export async function signAssertion(caller: Signer, audience: string): Promise<string> {
  return await new SignJWT()
    .setProtectedHeader({ alg: ALGORITHM, typ: ASSERTION_TYPE })
    .setIssuer(caller.id)
    .setSubject(caller.id)
    .setAudience(audience)
    .setJti(randomUUID())
    .setIssuedAt()
    .setExpirationTime(`${ASSERTION_MAX_SECONDS / 2}s`)
    .sign(caller.key);
}
