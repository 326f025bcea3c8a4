import { decodeProtectedHeader } from "jose";
import { covers } from "../../aaa/covers.ts";
import type { LightpathWish } from "../../aaa/oauth.ts";
import { GRANT_TYPE, grantClaims, issuerOf, type LightpathDetails, TOKEN_TYPE, tokenClaims } from "../../aaa/token.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Grants } from "./grants.ts";
import type { Signatures } from "./signatures.ts";
import type { Withdrawals } from "./withdrawals.ts";

/** What a token may say. */
export interface Permitted {
  readonly details: LightpathDetails;
  /** Each domain's, as it stands in the grant. */
  readonly consents: Readonly<Record<string, string>>;
  readonly lifeSeconds: number;
}

export interface TokenParts {
  readonly signatures: Signatures;
  readonly grants: Grants;
  readonly withdrawals: Withdrawals;
  readonly accounts: Accounts;
  readonly tokenSeconds: number;
}

/** Decides what short-lived tokens may say, for one direction of travel under grants of this domain. */
export class Tokens {
  readonly #parts: TokenParts;

  constructor(parts: TokenParts) {
    this.#parts = parts;
  }

  /** Rejects with Refused (403) that tells what the grant lacks. */
  async permit(client: Known, grant: string, wish: LightpathWish): Promise<Permitted> {
    const { signatures, grants, tokenSeconds } = this.#parts;
    const { domain } = signatures;
    const expected = { typ: GRANT_TYPE, issuer: domain, audience: domain, subject: client.id };
    const claims = grantClaims.parse(await signatures.verify(grant, "the grant", expected));
    const status = grants.status(client, claims.jti);
    if (status.state !== "active") throw new Refused(403, "grant.over", `the grant ${status.id} is ${status.state}`);
    const [right] = claims.authorization_details;
    const { from, to, bandwidthMbps, window, vm, siteKey, encryption } = wish;
    const lacks = [
      ...covers(right, { between: [from, to], bandwidthMbps, window, vm }),
      ...(right.from === undefined || right.from === from ? [] : [`it is for travel from ${right.from} only`]),
      ...(right.encryption === "tls" && encryption === "none" ? ["it is for an encrypted move"] : []),
    ];
    if (lacks.length > 0)
      throw new Refused(403, "grant.insufficient", `the grant does not cover this: ${lacks.join("; ")}`);
    const lifeSeconds = Math.floor(Math.min(tokenSeconds, (Date.parse(window.end) - Date.now()) / 1_000));
    if (lifeSeconds < 1) throw new Refused(403, "policy.window", `the window ended at ${window.end}`);
    // A path is listed as travelled, so that the coordinator need not guess the direction.
    const domains = from === right.between[0] ? right.domains : right.domains.toReversed();
    const scope = { from, to, bandwidthMbps, window, vm, siteKey, domains, grant: claims.jti };
    return { details: { type: "lightpath", ...scope }, consents: claims.consents, lifeSeconds };
  }

  /** Notes that a token of this number was given. */
  account(client: Known, { details }: Permitted, jti: string, epoch?: number): void {
    const { from, to, vm, bandwidthMbps, window, grant } = details;
    const named = { subject: client.id, vm, between: [from, to] as [string, string], bandwidthMbps, window };
    this.#parts.accounts.note({ event: "token", grant, ...named, token: jti, epoch });
  }

  /**
   * Takes back a token of this domain, or a grant with all its tokens (RFC 7009): every domain that would take it is told. What is
   * no token of this client's is left as it is, and not told.
   */
  async revoke(client: Known, jwt: string): Promise<void> {
    const { signatures, grants, withdrawals } = this.#parts;
    const { domain: issuer } = signatures;
    const isGrant = typOf(jwt) === GRANT_TYPE;
    const audience = isGrant ? issuer : issuerOf(issuer);
    const expected = { typ: isGrant ? GRANT_TYPE : TOKEN_TYPE, issuer, audience, subject: client.id };
    const verified = await signatures.verify(jwt, "the token", expected).catch((thrown: unknown) => {
      if (thrown instanceof Refused) return undefined;
      throw thrown;
    });
    if (verified === undefined) return;
    if (isGrant) return await grants.revoke(client, grantClaims.parse(verified).jti);
    const { jti: token, aud: domains, exp, authorization_details: details } = tokenClaims.parse(verified);
    await withdrawals.make({ grant: details[0].grant, token, domains, untilMs: exp * 1_000 });
  }
}

function typOf(jwt: string): string | undefined {
  try {
    return decodeProtectedHeader(jwt).typ;
  } catch {
    return undefined;
  }
}
