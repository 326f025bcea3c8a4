import type { IncomingMessage, ServerResponse } from "node:http";
import type { DatabaseSync } from "node:sqlite";
import { type ClientMetadata, type Configuration, errors, type KoaContextWithOIDC, Provider } from "oidc-provider";
import type { Logger } from "pino";
import { ASSERTION_MAX_SECONDS, ASSERTION_TYPE } from "../../aaa/assertion.ts";
import { ALGORITHM } from "../../aaa/keys.ts";
import { TOKEN_EXCHANGE } from "../../aaa/oauth.ts";
import { issuerOf } from "../../aaa/token.ts";
import type { Refusals } from "../accounting/refusals.ts";
import type { DomainConfig } from "../config.ts";
import type { WatchedKeys } from "../keys/own-keys.ts";
import type { Known } from "../load.ts";
import { StoreAdapter } from "./adapter.ts";
import { DETAIL_TYPES } from "./authorization-details.ts";
import { type ExchangeParts, exchangeFor, exchangeParameters, type FurtherClaims } from "./exchange.ts";
import { refusalOf } from "./oauth-refusal.ts";

const CLOCK_TOLERANCE_SECONDS = 5;

/** Where its endpoints are. */
export const ROUTES = { token: "/aaa/token", jwks: "/aaa/jwks", revocation: "/aaa/revocation" } as const;
export const METADATA_ROUTES = [
  "/.well-known/oauth-authorization-server",
  "/.well-known/openid-configuration",
] as const;

export interface ServerParts extends ExchangeParts {
  readonly config: DomainConfig;
  readonly database: DatabaseSync;
  readonly keys: WatchedKeys;
  readonly refusals: Refusals;
  readonly log: Logger;
}

/**
 * The domain's OAuth 2 authorization server: who its clients are, with which keys it signs, and what it gives. A change of the
 * keys makes a new one on the same store, since the library takes its keys once.
 */
export class AuthorizationServer {
  readonly #parts: ServerParts;
  #answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#answer = this.#made();
    parts.keys.whenChanged(() => {
      this.#answer = this.#made();
    });
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#answer(request, response);
  }

  #made() {
    const { config, log } = this.#parts;
    const further: FurtherClaims = new WeakMap();
    const provider = new Provider(issuerOf(config.domain), {
      ...this.#configuration(),
      extraTokenClaims: (_, token) => ({ ...further.get(token) }),
    });
    const exchange = exchangeFor(provider, this.#parts, further);
    provider.registerGrantType(TOKEN_EXCHANGE, exchange, Object.keys(exchangeParameters.shape), ["resource"]);
    provider.on("grant.error", (ctx, error) => this.#refuse(ctx, error));
    this.#revokeSigned(provider);
    provider.on("server_error", (ctx, err) => log.error({ method: ctx.method, url: ctx.path, err }, "failed"));
    return provider.callback();
  }

  #refuse(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
    const { config, refusals, log } = this.#parts;
    const refusal = refusalOf(error, config.domain);
    const caller = ctx.oidc.client?.clientId ?? ctx.req.socket.remoteAddress ?? "somebody";
    log.info({ method: ctx.method, url: ctx.path, caller, ...refusal }, "refused");
    refusals.note({ caller, asked: `${ctx.method} ${ctx.path}`, refusal });
    ctx.body = { error: error.error, error_description: refusal.reason, refusal };
  }

  /** The library recognizes the client, but revokes only tokens that it keeps; these are signed, and kept by nobody. */
  #revokeSigned(provider: Provider): void {
    const { known, tokens } = this.#parts;
    const signed = new WeakMap<IncomingMessage, { readonly client: Known; readonly token: string }>();
    provider.on("revocation.error", (ctx, error) => {
      const client = known.get(ctx.oidc.client?.clientId ?? "");
      const isSigned = error instanceof errors.UnsupportedTokenType && client !== undefined;
      if (isSigned) signed.set(ctx.req, { client, token: String(ctx.oidc.params?.token) });
      else this.#refuse(ctx, error);
    });
    provider.use(async (ctx, next) => {
      await next();
      const asked = signed.get(ctx.req);
      if (asked === undefined) return;
      await tokens.revoke(asked.client, asked.token);
      ctx.status = 200;
      ctx.body = "";
    });
  }

  #configuration(): Configuration {
    const { config, database, keys } = this.#parts;
    return {
      routes: ROUTES,
      adapter: (model) => new StoreAdapter(database, model),
      jwks: { keys: keys.all.map(({ secret }) => ({ ...JSON.parse(secret), alg: ALGORITHM, use: "sig" })) },
      clients: config.clients.map(clientMetadata),
      clientDefaults: { id_token_signed_response_alg: ALGORITHM },
      clientAuthMethods: ["private_key_jwt"],
      enabledJWA: { clientAuthSigningAlgValues: [ALGORITHM], dPoPSigningAlgValues: [ALGORITHM] },
      clockTolerance: CLOCK_TOLERANCE_SECONDS,
      assertJwtClientAuthClaimsAndHeader: (_, { iat, exp }, { typ }) => {
        if (typ !== ASSERTION_TYPE) throw new errors.InvalidClientAuth("it is signed as something else");
        const lifeSeconds = Number(exp) - Number(iat);
        if (lifeSeconds <= ASSERTION_MAX_SECONDS) return;
        throw new errors.InvalidClientAuth(`it does not say that it lives for ${ASSERTION_MAX_SECONDS} s at most`);
      },
      features: {
        devInteractions: { enabled: false },
        userinfo: { enabled: false },
        rpInitiatedLogout: { enabled: false },
        dPoP: { enabled: true },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: { enabled: true, defaultResource: () => issuerOf(config.domain) },
        richAuthorizationRequests: {
          ...{ enabled: true, types: DETAIL_TYPES },
          ...{ authorizationDetailsForGrantSource: none, authorizationDetailsForAccessToken: none },
          authorizationDetailsForIntrospection: none,
        },
      },
    };
  }
}

/** Of grant types that nobody here may use. */
const none = () => undefined;

function clientMetadata({ id, publicKey: { kty, crv, x } }: DomainConfig["clients"][number]): ClientMetadata {
  return {
    client_id: id,
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: ALGORITHM,
    jwks: { keys: [{ kty, crv, x, alg: ALGORITHM, use: "sig" }] },
    grant_types: [TOKEN_EXCHANGE],
    ...{ response_types: [], redirect_uris: [] },
    authorization_details_types: Object.keys(DETAIL_TYPES),
    dpop_bound_access_tokens: true,
  };
}
