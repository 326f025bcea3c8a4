import { z } from "zod";
import type { Aaa } from "./aaa.ts";
import { CLIENT_TIMEOUT_MS, type ClientCredentials, callerOf } from "./caller.ts";
import { Channel, nothing } from "./channel.ts";
import type { DomainRecord } from "./domain-record.ts";
import { granted, unlessAbsent } from "./outcome.ts";
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
    return granted(answer, this.#channel, `give a token for ${request.vm}`);
  }

  /** Ends its connections; requests under way fail. */
  async close(): Promise<void> {
    await this.#channel.close();
  }
}
