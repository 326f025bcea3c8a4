import { errors, type Provider, type TokenEndpointGrantContext } from "oidc-provider";
import { z } from "zod";
import { ALGORITHM } from "../../aaa/keys.ts";
import { ACCESS_TOKEN, JWT_TOKEN } from "../../aaa/oauth.ts";
import { issuerOf } from "../../aaa/token.ts";
import type { Proofs } from "../aaa/proofs.ts";
import type { Tokens } from "../aaa/tokens.ts";
import type { OwnKeys } from "../keys/own-keys.ts";
import type { Known } from "../load.ts";
import { wishOf } from "./authorization-details.ts";
import { inOAuth } from "./oauth-refusal.ts";

export interface ExchangeParts {
  readonly domain: string;
  readonly known: ReadonlyMap<string, Known>;
  readonly keys: OwnKeys;
  readonly proofs: Proofs;
  readonly tokens: Tokens;
}

/** What tokens that are being made say beside what the library knows of. */
export type FurtherClaims = WeakMap<object, Readonly<Record<string, unknown>>>;

/** Parameters of a token exchange (RFC 8693, section 2.1) that mean something here. */
export const exchangeParameters = z.object({
  subject_token: z.string(),
  subject_token_type: z.literal(JWT_TOKEN),
  requested_token_type: z.literal(ACCESS_TOKEN).optional(),
  /** Of each domain that is to take the token: `https://` and its name (RFC 8707). */
  resource: z.union([z.string(), z.array(z.string())]),
  /** JSON (RFC 9396). */
  authorization_details: z.string(),
});

/**
 * A grant in exchange for a token that may do less (RFC 8693): one direction of travel, to one host, bound to the caller's key
 * (RFC 9449), for the domains that are named as resources (RFC 8707). Rejects with errors of OAuth.
 */
export function exchangeFor(provider: Provider, parts: ExchangeParts, further: FurtherClaims) {
  return async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const { client, params } = ctx.oidc;
    const asked = exchangeParameters.safeParse(params);
    if (!asked.success) throw new errors.InvalidRequest(z.prettifyError(asked.error));
    const caller = parts.known.get(client.clientId);
    if (caller?.kind !== "client") throw new errors.UnauthorizedClient("this is for clients of the domain");
    const { way, placement } = wishOf(asked.data.authorization_details);
    const { thumbprint } = await inOAuth(async () => {
      const proven = await parts.proofs.verify(ctx.get("dpop"), {
        ...{ method: ctx.method, path: ctx.path },
        token: undefined,
      });
      parts.proofs.spend(proven);
      return proven;
    });
    if (thumbprint !== caller.kid) throw new errors.InvalidDpopProof("the proof is by another key than the caller's");
    const permitted = await inOAuth(() => parts.tokens.permit(caller, asked.data.subject_token, way));
    const resources = [...new Set([asked.data.resource].flat())];
    const may = new Set([parts.domain, ...permitted.details.domains].map(issuerOf));
    const foreign = resources.find((one) => !may.has(one));
    if (foreign !== undefined) throw new errors.InvalidTarget(`the grant is not for ${foreign}`);
    const token = new provider.ClientCredentials({
      client,
      resourceServer: new provider.ResourceServer(issuerOf(parts.domain), {
        ...{ scope: "", audience: issuerOf(parts.domain), accessTokenFormat: "jwt" as const },
        jwt: { sign: { alg: ALGORITHM, kid: parts.keys.current.kid } },
      }),
      expiresIn: permitted.lifeSeconds,
    });
    token.aud = resources;
    token.rar = placement === undefined ? [permitted.details] : [permitted.details, { ...placement }];
    further.set(token, { consents: permitted.consents, nbf: Math.floor(Date.now() / 1_000) });
    token.setThumbprint("jkt", thumbprint);
    const value = await token.save();
    parts.tokens.account(caller, permitted, token.jti);
    ctx.body = {
      ...{ access_token: value, issued_token_type: ACCESS_TOKEN, token_type: token.tokenType },
      ...{ expires_in: token.expiration, authorization_details: token.rar },
    };
  };
}
