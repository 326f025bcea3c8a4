import { createHash, randomUUID } from "node:crypto";
import { SignJWT } from "jose";
import { z } from "zod";
import { ALGORITHM, type SigningKey } from "./keys.ts";

/** How far a proof's time may be from the verifier's, so that spent ones need to be remembered only for so long. */
export const PROOF_MAX_SECONDS = 60;
export const PROOF_TYPE = "dpop+jwt";

/** What a proof says: which request it is for, when it was made, and a number that is used once (RFC 9449, section 4.2). */
export const proofClaims = z.object({
  htm: z.string(),
  htu: z.string(),
  jti: z.string().min(8).max(128),
  iat: z.number(),
  ath: z.string().optional(),
});

/** A request that a proof can be for. */
export interface Requested {
  readonly method: string;
  /** Absolute, without query. */
  readonly uri: string;
}

/** The request that a proof is for. */
export interface Proven extends Requested {
  /** That is presented with it. */
  readonly token?: string | undefined;
}

/** A fresh proof that the caller has the key, for one request (DPoP, RFC 9449). */
export async function signProof({ key, publicJwk }: SigningKey, { method, uri, token }: Proven): Promise<string> {
  const ath = token === undefined ? {} : { ath: accessTokenHash(token) };
  return await new SignJWT({ htm: method, htu: uri, ...ath })
    .setProtectedHeader({ alg: ALGORITHM, typ: PROOF_TYPE, jwk: { ...publicJwk } })
    .setJti(randomUUID())
    .setIssuedAt()
    .sign(key);
}

/** What a proof calls the token that it is for: SHA-256, base64url. */
export function accessTokenHash(token: string): string {
  return createHash("sha256").update(token).digest("base64url");
}
