import { type CryptoKey, decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { ALGORITHM } from "../../aaa/keys.ts";
import { domainOfIssuer, issuerOf } from "../../aaa/token.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../clock-tolerance.ts";
import type { OwnKey } from "../keys/key-file.ts";
import type { OwnKeys } from "../keys/own-keys.ts";
import type { TrustedKeys } from "../keys/trusted-keys.ts";
import { Refused } from "../refused.ts";
import { invalidity } from "./invalidity.ts";

/** What a signature is to show. */
export interface Expected {
  readonly typ: string;
  /** Refused if another domain signed; absent: this domain or any peer may have. */
  readonly issuer?: string;
  readonly audience: string;
  readonly subject?: string;
}

/** What this domain signs, and whose signatures it trusts: its own and its peers'. */
export class Signatures {
  readonly domain: string;
  readonly #own: OwnKeys;
  readonly #trusted: TrustedKeys;

  constructor(domain: string, own: OwnKeys, trusted: TrustedKeys) {
    this.domain = domain;
    this.#own = own;
    this.#trusted = trusted;
  }

  /** With which this domain signs now. */
  get key(): OwnKey {
    return this.#own.current;
  }

  /** Signs in this domain's name. `expiresMs` is a time since 1970. */
  async sign(typ: string, claims: JWTPayload, expiresMs: number): Promise<string> {
    const { key, kid } = this.#own.current;
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ, kid })
      .setIssuer(this.domain)
      .setIssuedAt()
      .setExpirationTime(Math.floor(expiresMs / 1_000))
      .sign(key);
  }

  /** The claims of a signed statement. `what` names it in the reason. Rejects with Refused (403). */
  async verify(jwt: string, what: string, expected: Expected): Promise<JWTPayload> {
    const { issuer, kid } = saidBy(jwt);
    const signer = expected.issuer ?? issuer;
    const keys = await this.#trusted.of(signer, kid);
    if (keys === undefined) {
      throw new Refused(403, "signature.untrusted", `${what} is not signed by a domain that ${this.domain} trusts`);
    }
    let reason = `${signer} has no key ${kid ?? ""}`;
    for (const key of keys) {
      try {
        return await verified(jwt, key, signer, expected);
      } catch (thrown) {
        reason = invalidity(thrown, { issuer: signer, audience: expected.audience });
      }
    }
    throw new Refused(403, "signature.invalid", `${what} is not valid: ${reason}`);
  }
}

async function verified(jwt: string, key: CryptoKey, signer: string, expected: Expected): Promise<JWTPayload> {
  const { typ, audience, subject } = expected;
  const { payload } = await jwtVerify(jwt, key, {
    ...{ algorithms: [ALGORITHM], typ, issuer: [signer, issuerOf(signer)], audience },
    ...{ requiredClaims: ["exp", "iat"], clockTolerance: CLOCK_TOLERANCE_SECONDS },
    ...(subject === undefined ? {} : { subject }),
  });
  return payload;
}

/** Who says that he signed it, and with which of his keys. */
function saidBy(jwt: string): { readonly issuer: string; readonly kid: string | undefined } {
  try {
    return { issuer: domainOfIssuer(decodeJwt(jwt).iss ?? ""), kid: decodeProtectedHeader(jwt).kid };
  } catch {
    return { issuer: "", kid: undefined };
  }
}
