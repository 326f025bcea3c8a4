import type { ClientMetadata } from "oidc-provider";
import { ALGORITHM } from "../../aaa/keys.ts";
import { TOKEN_EXCHANGE } from "../../aaa/oauth.ts";
import type { Known, PeerAddress } from "../load.ts";
import { CLIENT_DETAILS, PEER_DETAILS } from "./authorization-details.ts";

const EXCHANGES = {
  grant_types: [TOKEN_EXCHANGE],
  response_types: [],
  redirect_uris: [],
} satisfies Partial<ClientMetadata>;

/** A client of the domain: known by its key (RFC 7523), which its tokens are bound to. */
export function clientMetadata({ id, publicJwk }: Known): ClientMetadata {
  return {
    ...EXCHANGES,
    client_id: id,
    token_endpoint_auth_method: "private_key_jwt",
    token_endpoint_auth_signing_alg: ALGORITHM,
    jwks: { keys: [{ ...publicJwk, alg: ALGORITHM, use: "sig" }] },
    authorization_details_types: Object.keys(CLIENT_DETAILS),
    dpop_bound_access_tokens: true,
  };
}

/** Another domain: known by its certificate (RFC 8705, section 2.2). */
export function peerMetadata({ name, certificate }: PeerAddress): ClientMetadata {
  const { raw, publicKey } = certificate;
  const key = { ...publicKey.export({ format: "jwk" }), use: "sig", x5c: [raw.toString("base64")] };
  return {
    ...EXCHANGES,
    client_id: name,
    token_endpoint_auth_method: "self_signed_tls_client_auth",
    jwks: { keys: [key] },
    authorization_details_types: Object.keys(PEER_DETAILS),
  };
}
