import type { Grant, GrantListing, GrantRequest, GrantStatus, Token, TokenRequest } from "./wire.ts";

/**
 * Port: the AAA of a network domain, asked in the name of the configured caller.
 * Rejections: domain.unreachable, domain.refused (with the domain that refused and its reason).
 */
export interface Aaa {
  /** Asks for consent of every domain between the two STPs. */
  requestGrant(request: GrantRequest): Promise<Grant>;
  /** Undefined if the domain does not know it. */
  grantStatus(id: string): Promise<GrantStatus | undefined>;
  /** All grants of this caller that this domain gave as home and that have not ended. */
  listGrants(): Promise<readonly GrantListing[]>;
  /** A grant that is not there, or revoked already, is fine. */
  revokeGrant(id: string): Promise<void>;
  /** A short-lived token for one direction of travel under a grant. */
  mintToken(request: TokenRequest): Promise<Token>;
}
