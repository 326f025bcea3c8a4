import { decodeJwt } from "jose";
import { z } from "zod";
import { TurntableError } from "../errors.ts";
import type { Aaa } from "./aaa.ts";
import { CLIENT_TIMEOUT_MS, type ClientCredentials, callerOf } from "./caller.ts";
import { Channel, nothing } from "./channel.ts";
import type { DomainRecord } from "./domain-record.ts";
import { granted, unlessAbsent } from "./outcome.ts";
import { tokenClaims } from "./token.ts";
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
  token,
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
    const answer = await this.#channel.ask({ method: "POST", path: ["aaa", "tokens"], body: request, answer: token });
    const minted = granted(answer, this.#channel, `give a token for ${request.vm}`);
    if (isFor(request, minted)) return minted;
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

/** Whether a token names exactly the way that was asked for, and the host key at its end. */
function isFor({ from, to, vm, siteKey }: TokenRequest, { token }: Token): boolean {
  const [details] = tokenClaims.parse(decodeJwt(token)).authorization_details;
  return details.from === from && details.to === to && details.vm === vm && details.siteKey === siteKey;
}
