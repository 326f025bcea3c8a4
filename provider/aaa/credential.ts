import { decodeJwt } from "jose";
import type { SigningKey } from "./keys.ts";
import { proofClaims, type Requested, signProof } from "./proof.ts";

/** Proofs of a token's holder for the other domains on the way, separated by commas: each for what that domain is asked with it. */
export const PROOFS_HEADER = "turntable-proofs";

/** A token, and what shows to the other domains on the way that its holder wants what they are asked with it. */
export interface Credential {
  readonly token: string;
  /** For that request; undefined if the holder made none for it. */
  proofFor(request: Requested): Promise<string | undefined>;
}

/** As its holder sent it to the domain that coordinates: what he made no proof for he does not want. */
export function sentBy(token: string, header: string | undefined): Credential {
  const proofs = (header ?? "").split(",").flatMap((proof) => {
    const claims = proofClaims.safeParse(claimsOf(proof));
    return claims.success ? [{ proof, ...claims.data }] : [];
  });
  return {
    token,
    proofFor: async ({ method, uri }) => proofs.find(({ htm, htu }) => htm === method && htu === uri)?.proof,
  };
}

/** Of who asks in his own name, and is asked for nothing before. */
export function heldBy(key: SigningKey, token: string): Credential {
  return { token, proofFor: async (request) => await signProof(key, { ...request, token }) };
}

function claimsOf(proof: string): unknown {
  try {
    return decodeJwt(proof);
  } catch {
    return undefined;
  }
}
