import { errors } from "oidc-provider";
import { z } from "zod";
import { JWT_TOKEN } from "../../aaa/oauth.ts";
import { issuerOf, WISH_TYPE } from "../../aaa/token.ts";
import type { Consents } from "../aaa/consents.ts";
import type { Signatures } from "../aaa/signatures.ts";
import { requireRight } from "../peer-right.ts";
import { partWish, wishClaims } from "../wire.ts";
import type { Exchange } from "./exchange.ts";
import { inOAuth } from "./oauth-refusal.ts";

export interface ConsentExchangeParts {
  readonly signatures: Signatures;
  readonly consents: Consents;
}

/**
 * What a client wishes, as its home signed it, in exchange for this domain's signed consent to its part of the way (RFC 8693). The
 * home is known by its certificate (RFC 8705), must have signed the wish itself, and for this domain.
 */
export function consentExchange({ signatures, consents }: ConsentExchangeParts): Exchange {
  return async (ctx, { caller, subject_token, resource, authorization_details }) => {
    const { domain } = signatures;
    if (resource !== issuerOf(domain)) throw new errors.InvalidTarget(`this is ${issuerOf(domain)}`);
    const part = z.tuple([partWish]).safeParse(JSON.parse(authorization_details));
    if (!part.success) throw new errors.InvalidAuthorizationDetails("the part of one way is to be wished for");
    const consent = await inOAuth(async () => {
      requireRight(caller, "consent");
      const expected = { typ: WISH_TYPE, issuer: caller.id, audience: issuerOf(domain) };
      return wishClaims.safeParse(await signatures.verify(subject_token, "the wish", expected));
    });
    if (!consent.success) throw new errors.InvalidRequest(z.prettifyError(consent.error));
    const { sub: subject, jti: grant, authorization_details: wishes } = consent.data;
    const [{ type: _, ...wish }] = wishes;
    const { sides } = part.data[0];
    const signed = await inOAuth(() => consents.decide(caller.id, { ...wish, grant, subject, sides }));
    ctx.body = { access_token: signed, issued_token_type: JWT_TOKEN, token_type: "N_A" };
  };
}
