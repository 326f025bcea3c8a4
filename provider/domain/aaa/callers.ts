import { decodeJwt, jwtVerify } from "jose";
import { z } from "zod";
import { ASSERTION_MAX_SECONDS, ASSERTION_TYPE, assertionClaims } from "../../aaa/assertion.ts";
import { type Credential, sentBy } from "../../aaa/credential.ts";
import { ALGORITHM } from "../../aaa/keys.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../clock-tolerance.ts";
import type { Known, PeerAddress } from "../load.ts";
import { Refused, unknownCaller } from "../refused.ts";
import type { Trust } from "../trust.ts";
import { invalidity } from "./invalidity.ts";
import type { Proofs, Received } from "./proofs.ts";
import type { Spent } from "./spent.ts";

/** A request, as far as it shows who sent it. */
export interface Shown extends Omit<Received, "token"> {
  /** Headers. */
  readonly authorization: string | undefined;
  readonly proof: string | undefined;
  /** What a client has made for other domains. */
  readonly further: string | undefined;
  /** What a domain passes on. */
  readonly passedOn: string | undefined;
  /** Fingerprint of the certificate with which the connection was made, whose key the other end has. */
  readonly certificate: string | undefined;
}

/** Who calls, and the right that he presents, or passes on. */
export interface Calling {
  readonly caller: Known;
  readonly right?: Credential;
  /** Why the token cannot be his. If there is none, its signature is still to be verified. */
  readonly fault?: Refused;
}

export interface CallerParts {
  readonly domain: string;
  readonly trust: Pick<Trust, "known">;
  readonly peers: readonly PeerAddress[];
  readonly spent: Spent;
  readonly proofs: Proofs;
}

/**
 * Recognizes who calls: a domain by its certificate (mutual TLS); a client by a proof of its key, bound to the token that comes
 * with it (DPoP, RFC 9449), or without a token by a signed assertion (RFC 7523), either of which is used once. A token that a
 * domain passes on comes with a proof of its holder's for this request: to have seen a token is no right to use it.
 */
export class Callers {
  readonly #parts: CallerParts;
  readonly #domains: ReadonlyMap<string, string>;

  constructor(parts: CallerParts) {
    this.#parts = parts;
    this.#domains = new Map(parts.peers.map(({ name, fingerprint }) => [fingerprint, name]));
  }

  /** Rejects with Refused (401). */
  async identify(shown: Shown): Promise<Calling> {
    const domain = this.#domains.get(shown.certificate ?? "");
    if (domain !== undefined) return await this.#passedOn(this.#peer(domain), shown);
    const { authorization = "" } = shown;
    const presented = /^DPoP ([\w.~+/-]+=*)$/i.exec(authorization)?.[1];
    if (presented !== undefined) return await this.#holderOf(presented, shown);
    const assertion = /^Bearer ([\w.-]+)$/i.exec(authorization)?.[1];
    if (assertion !== undefined) return { caller: await this.#signerOf(assertion) };
    throw new Refused(
      401,
      "caller.unknown",
      "the request carries no assertion of who calls, and no token with a proof",
    );
  }

  /** The proof serves for as often as a coordinator must ask within its life: it is for one domain, one token and one request. */
  async #passedOn(caller: Known, { passedOn: token, proof, method, path }: Shown): Promise<Calling> {
    if (token === undefined) return { caller };
    const right = sentBy(token, undefined);
    try {
      const { thumbprint } = await this.#parts.proofs.verify(proof, { method, path, token });
      const fault = foreign(token, thumbprint, "whoever asks");
      return { caller, right, ...(fault && { fault }) };
    } catch (thrown) {
      if (thrown instanceof Refused) return { caller, right, fault: thrown };
      throw thrown;
    }
  }

  async #holderOf(token: string, { method, path, proof, further }: Shown): Promise<Calling> {
    const { proofs } = this.#parts;
    const proven = await proofs.verify(proof, { method, path, token });
    const { thumbprint } = proven;
    const caller = this.#clientBy(thumbprint);
    if (caller === undefined) throw this.#stranger();
    proofs.spend(proven);
    const fault = foreign(token, thumbprint, caller.id);
    return fault === undefined ? { caller, right: sentBy(token, further) } : { caller, fault };
  }

  async #signerOf(assertion: string): Promise<Known> {
    const { trust, spent } = this.#parts;
    const caller = trust.known.get(issuerOf(assertion));
    if (caller === undefined) throw this.#stranger();
    if (caller.kind === "peer") throw invalid(caller, "a domain is known by its certificate");
    const { jti, exp } = await this.#verify(assertion, caller);
    const expiresMs = (exp + 2 * CLOCK_TOLERANCE_SECONDS) * 1_000;
    if (spent.spend(caller.id, jti, expiresMs)) return caller;
    throw new Refused(401, "assertion.replayed", "the assertion was used before");
  }

  async #verify(assertion: string, known: Known) {
    try {
      const { payload } = await jwtVerify(assertion, known.key, {
        ...{ algorithms: [ALGORITHM], typ: ASSERTION_TYPE, issuer: known.id, subject: known.id },
        audience: this.#parts.domain,
        ...{ clockTolerance: CLOCK_TOLERANCE_SECONDS, maxTokenAge: ASSERTION_MAX_SECONDS },
      });
      const claims = assertionClaims.parse(payload);
      if (claims.exp - claims.iat > ASSERTION_MAX_SECONDS)
        throw new Error(`it lives longer than ${ASSERTION_MAX_SECONDS} s`);
      return claims;
    } catch (thrown) {
      throw invalid(known, invalidity(thrown, { issuer: known.id, audience: this.#parts.domain }));
    }
  }

  /** Throws Refused (401) if it is trusted no more. */
  #peer(domain: string): Known {
    const known = this.#parts.trust.known.get(domain);
    if (known?.kind !== "peer") throw this.#stranger();
    return known;
  }

  #clientBy(thumbprint: string): Known | undefined {
    return [...this.#parts.trust.known.values()].find(({ kind, kid }) => kind === "client" && kid === thumbprint);
  }

  #stranger(): Refused {
    return unknownCaller(this.#parts.domain);
  }
}

function invalid({ id }: Known, reason: string): Refused {
  return new Refused(401, "assertion.invalid", `the assertion of ${id} is not valid: ${reason}`);
}

/** Why a token is not his who proves that he has this key; undefined if it is. */
function foreign(token: string, thumbprint: string, holder: string): Refused | undefined {
  const confirmed = confirmationOf(token);
  if (confirmed?.cnf?.jkt === thumbprint) return undefined;
  const reason =
    confirmed === undefined
      ? "the token has not the form of a token"
      : `the token was given to ${confirmed.sub}, not to ${holder}: it is not bound to the key that the proof is by`;
  return new Refused(401, "token.foreign", reason);
}

const confirmation = z.object({ sub: z.string(), cnf: z.object({ jkt: z.string() }).optional() });

/** What a token says of its holder's key; undefined if it is none. Its signature is verified before anything is done by it. */
function confirmationOf(token: string): z.output<typeof confirmation> | undefined {
  try {
    return confirmation.parse(decodeJwt(token));
  } catch {
    return undefined;
  }
}

function issuerOf(assertion: string): string {
  try {
    return decodeJwt(assertion).iss ?? "";
  } catch {
    return "";
  }
}
