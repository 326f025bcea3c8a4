import { calculateJwkThumbprint, EmbeddedJWK, type JWTVerifyResult, jwtVerify } from "jose";
import { ALGORITHM } from "../../aaa/keys.ts";
import { accessTokenHash, PROOF_MAX_SECONDS, PROOF_TYPE, proofClaims } from "../../aaa/proof.ts";
import { issuerOf } from "../../aaa/token.ts";
import { reasonOf } from "../../errors.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../clock-tolerance.ts";
import { Refused } from "../refused.ts";
import type { Spent } from "./spent.ts";

/** The request that a proof came with. */
export interface Received {
  readonly method: string;
  /** As it was sent, with its query. */
  readonly path: string;
  readonly token: string | undefined;
}

/** A proof that is good for its request, unless it was used before. */
export interface Proven {
  /** Of the key that it proves (RFC 7638). */
  readonly thumbprint: string;
  readonly jti: string;
  readonly expiresMs: number;
}

/** Whether callers have the keys that they say (DPoP, RFC 9449): each proof is for one request to this domain, fresh, and used once. */
export class Proofs {
  readonly #domain: string;
  readonly #spent: Spent;

  constructor(domain: string, spent: Spent) {
    this.#domain = domain;
    this.#spent = spent;
  }

  /** Whose key it proves; nothing is spent yet. Rejects with Refused (401). */
  async verify(proof: string | undefined, received: Received): Promise<Proven> {
    if (proof === undefined || proof === "") throw new Refused(401, "proof.missing", "the request carries no proof");
    const { protectedHeader, payload } = await verified(proof);
    const claims = proofClaims.safeParse(payload);
    if (!claims.success || protectedHeader.jwk === undefined) throw invalid("it has not the form of a proof");
    const { jti, iat } = claims.data;
    const fault = this.#faultOf(claims.data, received);
    if (fault !== undefined) throw invalid(fault);
    const thumbprint = await calculateJwkThumbprint(protectedHeader.jwk);
    const expiresMs = (iat + PROOF_MAX_SECONDS + 2 * CLOCK_TOLERANCE_SECONDS) * 1_000;
    return { thumbprint, jti, expiresMs };
  }

  /** Once its key is known: strangers fill no disk. Throws Refused (401) if it was used before. */
  spend({ thumbprint, jti, expiresMs }: Proven): void {
    if (this.#spent.spend(`proof ${thumbprint}`, jti, expiresMs)) return;
    throw new Refused(401, "proof.replayed", "the proof was used before");
  }

  #faultOf(claims: { htm: string; htu: string; iat: number; ath?: string | undefined }, received: Received) {
    const { method, path, token } = received;
    if (claims.htm !== method) return `it is for a ${claims.htm}, not for a ${method}`;
    const uri = `${issuerOf(this.#domain)}${path.replace(/[?#].*$/s, "")}`;
    if (claims.htu !== uri) return `it is for ${claims.htu}, not for ${uri}`;
    const ageSeconds = Math.abs(Date.now() / 1_000 - claims.iat);
    if (ageSeconds > PROOF_MAX_SECONDS + CLOCK_TOLERANCE_SECONDS) return "it is not of now";
    if (claims.ath === (token === undefined ? undefined : accessTokenHash(token))) return undefined;
    return "it is for another token";
  }
}

async function verified(proof: string): Promise<JWTVerifyResult> {
  try {
    return await jwtVerify(proof, EmbeddedJWK, { algorithms: [ALGORITHM], typ: PROOF_TYPE });
  } catch (thrown) {
    throw invalid(reasonOf(thrown));
  }
}

function invalid(reason: string): Refused {
  return new Refused(401, "proof.invalid", `the proof is not valid: ${reason}`);
}
