import { isDeepStrictEqual } from "node:util";
import { decodeJwt } from "jose";
import { z } from "zod";
import { TurntableError } from "../errors.ts";
import type { Aaa } from "./aaa.ts";
import { CLIENT_TIMEOUT_MS, type ClientCredentials, callerOf } from "./caller.ts";
import { Channel, nothing } from "./channel.ts";
import type { DomainRecord } from "./domain-record.ts";
import {
  ACCESS_TOKEN,
  JWT_TOKEN,
  type LightpathWish,
  type PlacementWish,
  TOKEN_EXCHANGE,
  TOKEN_PATH,
  tokenResponse,
} from "./oauth.ts";
import { granted, unlessAbsent } from "./outcome.ts";
import { grantClaims, issuerOf, type TokenClaims, tokenClaims } from "./token.ts";
import {
  type Grant,
  type GrantListing,
  type GrantRequest,
  type GrantStatus,
  grant,
  grantListing,
  grantStatus,
  type Token,
  type TokenRequest,
} from "./wire.ts";

/** The AAA of a domain over its HTTPS API. Constructing it touches no network. */
export class AaaClient implements Aaa {
  readonly #channel: Channel;

  constructor(domain: DomainRecord, caller: ClientCredentials) {
    this.#channel = new Channel(domain, callerOf(caller), CLIENT_TIMEOUT_MS);
  }

  async requestGrant(request: GrantRequest): Promise<Grant> {
    const path = ["aaa", "grants"];
    const answer = await this.#channel.ask({ method: "POST", path, body: request, answer: grant });
    return granted(answer, this.#channel, `grant ${request.bandwidthMbps} Mbps for ${request.vm}`);
  }

  async grantStatus(id: string): Promise<GrantStatus | undefined> {
    const answer = await this.#channel.ask({ method: "GET", path: ["aaa", "grants", id], answer: grantStatus });
    return granted(unlessAbsent(answer), this.#channel, `tell of grant ${id}`);
  }

  async listGrants(): Promise<readonly GrantListing[]> {
    const path = ["aaa", "grants"];
    const answer = await this.#channel.ask({ method: "GET", path, answer: z.array(grantListing) });
    return granted(answer, this.#channel, "list grants");
  }

  async revokeGrant(id: string): Promise<void> {
    const answer = await this.#channel.ask({ method: "DELETE", path: ["aaa", "grants", id], answer: nothing });
    granted(unlessAbsent(answer), this.#channel, `revoke grant ${id}`);
  }

  async mintToken(request: TokenRequest): Promise<Token> {
    const answer = await this.#channel.ask({
      method: "POST",
      path: TOKEN_PATH,
      form: exchangeOf(request, this.#channel.domain.name),
      answer: tokenResponse,
    });
    const { access_token: token } = granted(answer, this.#channel, `give a token for ${request.vm}`);
    const claims = tokenClaims.parse(decodeJwt(token));
    if (isFor(request, claims)) {
      const [{ domains }] = claims.authorization_details;
      return { token, expiresAt: new Date(claims.exp * 1_000).toISOString(), domains };
    }
    throw new TurntableError(
      "domain.refused",
      `${this.#channel.domain.name} gave a token that is not for ${request.siteKey}`,
      {
        ...{ retry: "never", next: "Ask that domain's operator why: its token would let the VM go to another host." },
      },
    );
  }

  /** Ends its connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#channel.close();
  }
}

/** The grant is exchanged (RFC 8693) for less: one direction, one host at its end (RFC 9396). */
function exchangeOf({ grant, epoch, ...wish }: TokenRequest, domain: string) {
  const { vm, to, siteKey } = wish;
  const details: [LightpathWish, PlacementWish] = [
    { type: "lightpath", ...wish },
    { type: "vm-placement", vm, site: to, siteKey, epoch },
  ];
  return {
    grant_type: TOKEN_EXCHANGE,
    subject_token: grant,
    subject_token_type: JWT_TOKEN,
    requested_token_type: ACCESS_TOKEN,
    resource: [...new Set([domain, ...domainsOf(grant)])].map(issuerOf),
    authorization_details: JSON.stringify(details),
  };
}

/** The domains that a grant names; none if it is none, of which its domain will say more. */
function domainsOf(grant: string): readonly string[] {
  try {
    return grantClaims.parse(decodeJwt(grant)).authorization_details[0].domains;
  } catch {
    return [];
  }
}

/** Whether a token names exactly the way that was asked for, and the host key at its end. */
function isFor(
  { from, to, vm, siteKey, epoch }: TokenRequest,
  { authorization_details: details }: TokenClaims,
): boolean {
  const [way, ...placements] = details;
  const asked = { vm, site: to, siteKey, epoch };
  const isPlaced = placements.every(({ type: _, ...one }) => isDeepStrictEqual({ epoch: undefined, ...one }, asked));
  return way.from === from && way.to === to && way.vm === vm && way.siteKey === siteKey && isPlaced;
}
