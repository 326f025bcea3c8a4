import { errors } from "oidc-provider";
import type { Refusal } from "../../aaa/wire.ts";
import { Refused } from "../refused.ts";

/** A refusal as an OAuth error (RFC 6749, section 5.2); who refused, and by which policy, goes with it. */
export class OAuthRefusal extends errors.CustomOIDCProviderError {
  readonly refused: Refused;

  constructor(refused: Refused) {
    super(codeOf(refused), refused.message);
    if (refused.status === 429) this.status = this.statusCode = refused.status;
    this.refused = refused;
  }
}

/** What a task refuses, in the words of OAuth. */
export async function inOAuth<T>(task: () => Promise<T>): Promise<T> {
  try {
    return await task();
  } catch (thrown) {
    throw thrown instanceof Refused ? new OAuthRefusal(thrown) : thrown;
  }
}

/** The refusal that an error of the authorization server is; `own`: this domain. */
export function refusalOf(error: errors.OIDCProviderError, own: string): Refusal {
  if (error instanceof OAuthRefusal) return error.refused.refusal(own);
  const detail = error.error_detail === undefined ? "" : `: ${error.error_detail}`;
  return { error: error.error, domain: own, reason: `${error.error_description ?? error.message}${detail}` };
}

function codeOf({ status, error }: Refused): string {
  if (status === 429) return "slow_down";
  if (error === "caller.unknown") return "unauthorized_client";
  if (error.startsWith("policy.") || error.startsWith("window.")) return "access_denied";
  return error === "grant.insufficient" ? "invalid_authorization_details" : "invalid_grant";
}
