import { errors, type Provider } from "oidc-provider";
import { ALGORITHM } from "../../aaa/keys.ts";
import { ACCESS_TOKEN } from "../../aaa/oauth.ts";
import { issuerOf } from "../../aaa/token.ts";
import type { Proofs } from "../aaa/proofs.ts";
import type { Tokens } from "../aaa/tokens.ts";
import { wishOf } from "./authorization-details.ts";
import type { Exchange } from "./exchange.ts";
import { inOAuth } from "./oauth-refusal.ts";

export interface TokenExchangeParts {
  readonly domain: string;
  readonly provider: Provider;
  /** Of the provider's key that signs. */
  readonly kid: string;
  readonly further: FurtherClaims;
  readonly proofs: Proofs;
  readonly tokens: Tokens;
}

/** What tokens that are being made say beside what the library knows of. */
export type FurtherClaims = WeakMap<object, Readonly<Record<string, unknown>>>;

/**
 * A grant in exchange for a token that may do less (RFC 8693): one direction of travel, to one host, bound to the caller's key
 * (RFC 9449), for the domains that are named as resources (RFC 8707).
 */
export function tokenExchange(parts: TokenExchangeParts): Exchange {
  const { provider, kid, further } = parts;
  return async (ctx, asked) => {
    const { way, placement } = wishOf(asked.authorization_details);
    const { thumbprint } = await inOAuth(async () => {
      const proven = await parts.proofs.verify(ctx.get("dpop"), {
        ...{ method: ctx.method, path: ctx.path },
        token: undefined,
      });
      parts.proofs.spend(proven);
      return proven;
    });
    if (thumbprint !== asked.caller.kid)
      throw new errors.InvalidDpopProof("the proof is by another key than the caller's");
    const permitted = await inOAuth(() => parts.tokens.permit(asked.caller, asked.subject_token, way));
    const resources = [...new Set([asked.resource].flat())];
    const may = new Set([parts.domain, ...permitted.details.domains].map(issuerOf));
    const foreign = resources.find((one) => !may.has(one));
    if (foreign !== undefined) throw new errors.InvalidTarget(`the grant is not for ${foreign}`);
    const token = new provider.ClientCredentials({
      client: ctx.oidc.client,
      resourceServer: new provider.ResourceServer(issuerOf(parts.domain), {
        ...{ scope: "", audience: issuerOf(parts.domain), accessTokenFormat: "jwt" as const },
        jwt: { sign: { alg: ALGORITHM, kid } },
      }),
      expiresIn: permitted.lifeSeconds,
    });
    token.aud = resources;
    token.rar = placement === undefined ? [permitted.details] : [permitted.details, { ...placement }];
    further.set(token, { consents: permitted.consents, nbf: Math.floor(Date.now() / 1_000) });
    token.setThumbprint("jkt", thumbprint);
    const value = await token.save();
    parts.tokens.account(asked.caller, permitted, token.jti, placement?.epoch);
    ctx.body = {
      ...{ access_token: value, issued_token_type: ACCESS_TOKEN, token_type: token.tokenType },
      ...{ expires_in: token.expiration, authorization_details: token.rar },
    };
  };
}
