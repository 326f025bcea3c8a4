import { errors, type TokenEndpointGrantContext } from "oidc-provider";
import { z } from "zod";
import { ACCESS_TOKEN, JWT_TOKEN } from "../../aaa/oauth.ts";
import type { Known } from "../load.ts";
import { GIVING_POINTS, type Pace, tooFast } from "../pace.ts";
import { unknownCaller } from "../refused.ts";
import type { Trust } from "../trust.ts";
import { OAuthRefusal } from "./oauth-refusal.ts";

/** Parameters of a token exchange (RFC 8693, section 2.1) that mean something here. */
export const exchangeParameters = z.object({
  subject_token: z.string(),
  subject_token_type: z.literal(JWT_TOKEN),
  requested_token_type: z.enum([ACCESS_TOKEN, JWT_TOKEN]).optional(),
  /** Of each domain that is to take the token: `https://` and its name (RFC 8707). */
  resource: z.union([z.string(), z.array(z.string())]),
  /** JSON (RFC 9396). */
  authorization_details: z.string(),
});

/** What is asked to be exchanged, by whom. */
export interface Asked extends z.output<typeof exchangeParameters> {
  readonly caller: Known;
}

/** Gives what is asked, as the context's body, or rejects with an error of OAuth. */
export type Exchange = (ctx: TokenEndpointGrantContext, asked: Asked) => Promise<void>;

/** What an exchange costs of its caller's pace. */
const POINTS = { client: GIVING_POINTS, peer: 1 } as const satisfies Record<Known["kind"], number>;

export interface ExchangingParts {
  readonly domain: string;
  readonly trust: Pick<Trust, "known">;
  readonly pace: Pace;
}

/** A client of the domain gets tokens in exchange, another domain consents. */
export function exchanging({ domain, trust, pace }: ExchangingParts, by: Readonly<Record<Known["kind"], Exchange>>) {
  return async (ctx: TokenEndpointGrantContext): Promise<void> => {
    const { client, params } = ctx.oidc;
    const caller = trust.known.get(client.clientId);
    if (caller === undefined) throw new OAuthRefusal(unknownCaller(domain));
    if (!(await pace.allows(caller.id, POINTS[caller.kind]))) throw new OAuthRefusal(tooFast(caller.id));
    const parsed = exchangeParameters.safeParse(params);
    if (!parsed.success) throw new errors.InvalidRequest(z.prettifyError(parsed.error));
    await by[caller.kind](ctx, { ...parsed.data, caller });
  };
}
