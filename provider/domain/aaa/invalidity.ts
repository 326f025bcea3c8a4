import { errors } from "jose";
import { z } from "zod";
import { ALGORITHM } from "../../aaa/keys.ts";
import { reasonOf } from "../../errors.ts";

const audiences = z.union([z.string(), z.array(z.string())]);
/** Since 1970; no further away than a date can be. */
const seconds = z.number().min(-8.64e12).max(8.64e12);

/** Who should have signed, and for whom. */
export interface Believed {
  readonly issuer: string;
  readonly audience: string;
}

/** Why a signed statement is not believed, for whoever sent it: one sentence about "it", without its end. */
export function invalidity(thrown: unknown, { issuer, audience }: Believed): string {
  if (thrown instanceof errors.JOSEAlgNotAllowed) return `it is not signed with ${ALGORITHM}`;
  if (thrown instanceof errors.JWSSignatureVerificationFailed) {
    return `it is not what ${issuer} signed: signature verification failed`;
  }
  if (thrown instanceof errors.JWTExpired && thrown.claim === "exp") return `it ended ${at(thrown.payload.exp)}`;
  if (!(thrown instanceof errors.JWTClaimValidationFailed)) return reasonOf(thrown);
  // Its signature is good: what it says is what its issuer said.
  switch (thrown.claim) {
    case "nbf":
      return `it begins ${at(thrown.payload.nbf)}`;
    case "aud":
      return `it is for ${to(thrown.payload.aud)}, not for ${audience}`;
    case "sub":
      return `it was given to ${to(thrown.payload.sub)}`;
    case "typ":
      return "it is signed as something else";
    default:
      return reasonOf(thrown);
  }
}

function at(claim: unknown): string {
  const found = seconds.safeParse(claim);
  return found.success ? `at ${new Date(found.data * 1_000).toISOString()}` : "at no time";
}

function to(claim: unknown): string {
  const found = audiences.safeParse(claim);
  return found.success ? [found.data].flat().join(", ") : "nobody";
}
