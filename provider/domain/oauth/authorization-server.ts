import type { IncomingMessage, ServerResponse } from "node:http";
import type { DatabaseSync } from "node:sqlite";
import { type Configuration, errors, type KoaContextWithOIDC, Provider } from "oidc-provider";
import type { Logger } from "pino";
import { ASSERTION_MAX_SECONDS, ASSERTION_TYPE } from "../../aaa/assertion.ts";
import { ALGORITHM } from "../../aaa/keys.ts";
import { TOKEN_EXCHANGE } from "../../aaa/oauth.ts";
import { issuerOf } from "../../aaa/token.ts";
import type { Refusals } from "../accounting/refusals.ts";
import { CLOCK_TOLERANCE_SECONDS } from "../clock-tolerance.ts";
import type { DomainConfig } from "../config.ts";
import type { WatchedKeys } from "../keys/own-keys.ts";
import type { Known, PeerAddress } from "../load.ts";
import { type Pace, tooFast } from "../pace.ts";
import { certificateOf } from "../server.ts";
import type { Trust } from "../trust.ts";
import { StoreAdapter } from "./adapter.ts";
import { CLIENT_DETAILS, PEER_DETAILS } from "./authorization-details.ts";
import { clientMetadata, peerMetadata } from "./client-metadata.ts";
import { type ConsentExchangeParts, consentExchange } from "./consent-exchange.ts";
import { exchangeParameters, exchanging } from "./exchange.ts";
import { OAuthRefusal, refusalOf } from "./oauth-refusal.ts";
import { type FurtherClaims, type TokenExchangeParts, tokenExchange } from "./token-exchange.ts";

/** Headers that nobody here attests clients by: the library would refuse them after it took a client's name for granted. */
const ATTESTATIONS = ["oauth-client-attestation", "oauth-client-attestation-pop"] as const;

/** Where its endpoints are. */
export const ROUTES = { token: "/aaa/token", jwks: "/aaa/jwks", revocation: "/aaa/revocation" } as const;
export const METADATA_ROUTES = [
  "/.well-known/oauth-authorization-server",
  "/.well-known/openid-configuration",
] as const;

export interface ServerParts extends Omit<TokenExchangeParts, "provider" | "further" | "kid">, ConsentExchangeParts {
  readonly trust: Pick<Trust, "known" | "whenChanged">;
  readonly pace: Pace;
  readonly peers: readonly PeerAddress[];
  readonly config: DomainConfig;
  readonly database: DatabaseSync;
  readonly keys: WatchedKeys;
  readonly refusals: Refusals;
  readonly log: Logger;
}

/** Of a token that is signed, to be revoked. */
interface SignedAsked {
  readonly ctx: KoaContextWithOIDC;
  readonly client: Known;
  readonly token: string;
}

/**
 * The domain's OAuth 2 authorization server: who its clients are, with which keys it signs, and what it gives. A change of the
 * keys, or of the clients, makes a new one on the same store, since the library takes them once.
 */
export class AuthorizationServer {
  readonly #parts: ServerParts;
  #answer: (request: IncomingMessage, response: ServerResponse) => Promise<void>;

  constructor(parts: ServerParts) {
    this.#parts = parts;
    this.#answer = this.#made();
    const renew = (): void => {
      this.#answer = this.#made();
    };
    parts.keys.whenChanged(renew);
    parts.trust.whenChanged(renew);
  }

  async answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    await this.#answer(request, response);
  }

  #made() {
    const { config, keys, log } = this.#parts;
    const further: FurtherClaims = new WeakMap();
    const provider = new Provider(issuerOf(config.domain), {
      ...this.#configuration(),
      extraTokenClaims: (_, token) => ({ ...further.get(token) }),
    });
    const exchange = exchanging(this.#parts, {
      client: tokenExchange({ ...this.#parts, provider, further, kid: keys.current.kid }),
      peer: consentExchange(this.#parts),
    });
    provider.registerGrantType(TOKEN_EXCHANGE, exchange, Object.keys(exchangeParameters.shape), ["resource"]);
    provider.use(async ({ req: { headers } }, next) => {
      for (const name of ATTESTATIONS) Reflect.deleteProperty(headers, name);
      await next();
    });
    provider.on("grant.error", (ctx, error) => this.#refuse(ctx, error));
    this.#revokeSigned(provider);
    provider.on("server_error", (ctx, err) => log.error({ method: ctx.method, url: ctx.path, err }, "failed"));
    return provider.callback();
  }

  #refuse(ctx: KoaContextWithOIDC, error: errors.OIDCProviderError): void {
    const { config, refusals, pace, log } = this.#parts;
    const refusal = refusalOf(error, config.domain);
    const address = ctx.req.socket.remoteAddress ?? "somebody";
    // Whose name is given is known before whether it is he.
    const client = error.error === "invalid_client" ? undefined : ctx.oidc.client?.clientId;
    const caller = client ?? address;
    if (client === undefined) void pace.blame(address);
    else if (!(error instanceof OAuthRefusal)) void pace.allows(client, 1);
    log.info({ method: ctx.method, url: ctx.path, caller, ...refusal }, "refused");
    refusals.note({ caller, asked: `${ctx.method} ${ctx.path}`, refusal });
    ctx.status = error.statusCode;
    ctx.body = { error: error.error, error_description: refusal.reason, refusal };
  }

  /** The library recognizes the client, but revokes only tokens that it keeps; these are signed, and kept by nobody. */
  #revokeSigned(provider: Provider): void {
    const { trust, tokens, pace } = this.#parts;
    const signed = new WeakMap<IncomingMessage, SignedAsked>();
    provider.on("revocation.error", (ctx, error) => {
      const client = trust.known.get(ctx.oidc.client?.clientId ?? "");
      const isSigned = error instanceof errors.UnsupportedTokenType && client !== undefined;
      if (isSigned) signed.set(ctx.req, { ctx, client, token: String(ctx.oidc.params?.token) });
      else this.#refuse(ctx, error);
    });
    provider.use(async (ctx, next) => {
      await next();
      const asked = signed.get(ctx.req);
      if (asked === undefined) return;
      const { id } = asked.client;
      if (!(await pace.allows(id, 1))) return this.#refuse(asked.ctx, new OAuthRefusal(tooFast(id)));
      await tokens.revoke(asked.client, asked.token);
      ctx.status = 200;
      ctx.body = "";
    });
  }

  #configuration(): Configuration {
    const { config, database, keys, peers, trust } = this.#parts;
    const clients = [...trust.known.values()].filter(({ kind }) => kind === "client");
    return {
      routes: ROUTES,
      adapter: (model) => new StoreAdapter(database, model),
      jwks: { keys: keys.all.map(({ secret }) => ({ ...secret, alg: ALGORITHM, use: "sig" })) },
      clients: [...clients.map(clientMetadata), ...peers.map(peerMetadata)],
      clientDefaults: { id_token_signed_response_alg: ALGORITHM },
      clientAuthMethods: ["private_key_jwt", "self_signed_tls_client_auth"],
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
        mTLS: { enabled: true, selfSignedTlsClientAuth: true, getCertificate: ({ req }) => certificateOf(req) },
        revocation: { enabled: true, allowedPolicy: () => true },
        resourceIndicators: { enabled: true, defaultResource: () => issuerOf(config.domain) },
        richAuthorizationRequests: {
          ...{ enabled: true, types: { ...CLIENT_DETAILS, ...PEER_DETAILS } },
          ...{ authorizationDetailsForGrantSource: none, authorizationDetailsForAccessToken: none },
          authorizationDetailsForIntrospection: none,
        },
      },
    };
  }
}

/** Of grant types that nobody here may use. */
const none = () => undefined;
