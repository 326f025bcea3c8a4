import { randomUUID } from "node:crypto";
import { covers } from "../../aaa/covers.ts";
import { GRANT_TYPE, grantClaims, type LightpathDetails, TOKEN_TYPE } from "../../aaa/token.ts";
import type { Token, TokenRequest } from "../../aaa/wire.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import type { Grants } from "./grants.ts";
import type { Signatures } from "./signatures.ts";

/** Mints short-lived tokens for one direction of travel under grants of this domain. */
export class Tokens {
  readonly #signatures: Signatures;
  readonly #grants: Grants;
  readonly #lifeMs: number;
  readonly #accounts: Accounts;

  constructor(signatures: Signatures, grants: Grants, tokenSeconds: number, accounts: Accounts) {
    this.#accounts = accounts;
    this.#signatures = signatures;
    this.#grants = grants;
    this.#lifeMs = tokenSeconds * 1_000;
  }

  /** Rejects with Refused (403) that tells what the grant lacks. */
  async mint(client: Known, request: TokenRequest): Promise<Token> {
    const { domain } = this.#signatures;
    const expected = { typ: GRANT_TYPE, issuer: domain, audience: domain, subject: client.id };
    const claims = grantClaims.parse(await this.#signatures.verify(request.grant, "the grant", expected));
    const status = this.#grants.status(client, claims.jti);
    if (status.state !== "active") throw new Refused(403, "grant.over", `the grant ${status.id} is ${status.state}`);
    const [right] = claims.authorization_details;
    const { from, to, bandwidthMbps, window, vm, siteKey, encryption } = request;
    const lacks = [
      ...covers(right, { between: [from, to], bandwidthMbps, window, vm }),
      ...(right.from === undefined || right.from === from ? [] : [`it is for travel from ${right.from} only`]),
      ...(right.encryption === "tls" && encryption === "none" ? ["it is for an encrypted move"] : []),
    ];
    if (lacks.length > 0)
      throw new Refused(403, "grant.insufficient", `the grant does not cover this: ${lacks.join("; ")}`);
    const expiresMs = Math.min(Date.now() + this.#lifeMs, Date.parse(window.end));
    if (expiresMs <= Date.now()) throw new Refused(403, "policy.window", `the window ended at ${window.end}`);
    // A path is listed as travelled, so that the coordinator need not guess the direction.
    const domains = from === right.between[0] ? right.domains : right.domains.toReversed();
    const scope = { from, to, bandwidthMbps, window, vm, siteKey, domains, grant: claims.jti };
    const details: LightpathDetails = { type: "lightpath", ...scope };
    const jti = randomUUID();
    const token = await this.#signatures.sign(
      TOKEN_TYPE,
      {
        ...{
          sub: client.id,
          aud: [...new Set([domain, ...domains])],
          jti,
          nbf: Math.floor(Date.now() / 1_000),
        },
        ...{ authorization_details: [details], consents: claims.consents },
      },
      expiresMs,
    );
    const named = { subject: client.id, vm, between: [from, to] as [string, string], bandwidthMbps, window };
    this.#accounts.note({ event: "token", grant: claims.jti, ...named, token: jti });
    const wholeSeconds = Math.floor(expiresMs / 1_000) * 1_000;
    return { token, expiresAt: new Date(wholeSeconds).toISOString(), domains };
  }
}
