import { type CryptoKey, decodeJwt, type JWTPayload, jwtVerify, SignJWT } from "jose";
import { ALGORITHM } from "../../aaa/keys.ts";
import type { Loaded } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Trust } from "../trust.ts";
import { invalidity } from "./invalidity.ts";

const CLOCK_TOLERANCE_SECONDS = 5;

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
  readonly #own: CryptoKey;
  readonly #ownPublic: CryptoKey;
  readonly #trust: Pick<Trust, "known">;

  /** `ownPublic` verifies what `loaded.signing` signs. */
  constructor({ config, signing }: Loaded, ownPublic: CryptoKey, trust: Pick<Trust, "known">) {
    this.domain = config.domain;
    this.#own = signing.key;
    this.#ownPublic = ownPublic;
    this.#trust = trust;
  }

  /** Signs in this domain's name. `expiresMs` is a time since 1970. */
  async sign(typ: string, claims: JWTPayload, expiresMs: number): Promise<string> {
    return await new SignJWT(claims)
      .setProtectedHeader({ alg: ALGORITHM, typ })
      .setIssuer(this.domain)
      .setIssuedAt()
      .setExpirationTime(Math.floor(expiresMs / 1_000))
      .sign(this.#own);
  }

  /** The claims of a signed statement. `what` names it in the reason. Rejects with Refused (403). */
  async verify(jwt: string, what: string, expected: Expected): Promise<JWTPayload> {
    const issuer = expected.issuer ?? issuerOf(jwt);
    const key = this.#keyOf(issuer);
    if (key === undefined) {
      throw new Refused(403, "signature.untrusted", `${what} is not signed by a domain that ${this.domain} trusts`);
    }
    const { typ, audience, subject } = expected;
    try {
      const { payload } = await jwtVerify(jwt, key, {
        ...{ algorithms: [ALGORITHM], typ, issuer, audience, requiredClaims: ["exp", "iat"] },
        ...{ clockTolerance: CLOCK_TOLERANCE_SECONDS, ...(subject === undefined ? {} : { subject }) },
      });
      return payload;
    } catch (thrown) {
      throw new Refused(403, "signature.invalid", `${what} is not valid: ${invalidity(thrown, { issuer, audience })}`);
    }
  }

  /** Undefined if it is trusted no more, or never was. */
  #keyOf(issuer: string): CryptoKey | undefined {
    if (issuer === this.domain) return this.#ownPublic;
    const known = this.#trust.known.get(issuer);
    return known?.kind === "peer" ? known.key : undefined;
  }
}

function issuerOf(jwt: string): string {
  try {
    return decodeJwt(jwt).iss ?? "";
  } catch {
    return "";
  }
}
