import { randomUUID } from "node:crypto";
import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { GRANT_TYPE, type GrantDetails, grantDetails } from "../../aaa/token.ts";
import type { Grant, GrantListing, GrantRequest, GrantStatus } from "../../aaa/wire.ts";
import { reasonOf } from "../../errors.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { DomainConfig } from "../config.ts";
import { waysBetween } from "../drac/ways.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import { domainOf } from "../topology.ts";
import type { Asking } from "./asking.ts";
import type { Permission, Wish } from "./permission.ts";
import type { Revocations } from "./revocations.ts";
import type { Signatures } from "./signatures.ts";
import type { Withdrawals } from "./withdrawals.ts";

const row = z.object({ id: z.string(), subject: z.string(), body: z.string() });

/** Ways that are tried, as long as a domain on the way refuses. */
const MOST_WAYS = 3;

export interface GrantParts {
  readonly config: DomainConfig;
  readonly database: DatabaseSync;
  readonly signatures: Signatures;
  readonly permission: Permission;
  readonly asking: Asking;
  readonly revocations: Revocations;
  readonly withdrawals: Withdrawals;
  readonly accounts: Accounts;
}

/** The grants that this domain gave as home: it asks all on the way, and signs what they agreed to. */
export class Grants {
  readonly #parts: GrantParts;

  constructor(parts: GrantParts) {
    this.#parts = parts;
  }

  /**
   * Over the cheapest way on which every domain agrees. Rejects with Refused: the first reason, of this domain or of one
   * on the way that said no.
   */
  async request(client: Known, request: GrantRequest): Promise<Grant> {
    let refusal: unknown;
    const ways = this.#waysFor(request);
    // Without a way too: whether it may ask at all comes first.
    for (const domains of ways.length > 0 ? ways : [[]]) {
      try {
        return await this.#over(domains, client, request);
      } catch (thrown) {
        // Whoever refused may not be on the next way.
        if (!(thrown instanceof Refused)) throw thrown;
        refusal ??= thrown;
      }
    }
    throw refusal;
  }

  async #over(domains: readonly string[], client: Known, request: GrantRequest): Promise<Grant> {
    const { signatures, database, permission, asking, accounts } = this.#parts;
    const { domain } = signatures;
    const id = randomUUID();
    const wish: Wish = { ...request, grant: id, subject: client.id, groups: [...client.groups] };
    // A client must be permitted to ask whether or not this domain is on the way.
    permission.require("grant", domain, wish);
    try {
      if (domains.length === 0) throw noWay(request);
      const asked = domains.map(async (one, index) => [one, await asking.consentOf(domains, index, wish)] as const);
      const consents = Object.fromEntries(await Promise.all(asked));
      const { between, from, bandwidthMbps, window, vm, encryption } = request;
      const scope = { between, from, bandwidthMbps, window, vm, encryption, domains: [...domains] };
      const details: GrantDetails = { type: "lightpath-grant", ...scope };
      const claims = { sub: client.id, aud: domain, jti: id, authorization_details: [details], consents };
      const jwt = await signatures.sign(GRANT_TYPE, claims, Date.parse(window.end));
      database.prepare("INSERT INTO grants VALUES (?, ?, ?)").run(id, client.id, JSON.stringify(details));
      accounts.note({ event: "grant", ...scope, grant: id, subject: client.id });
      return { id, jwt, domains: [...domains], window };
    } catch (thrown) {
      const by = (thrown instanceof Refused ? thrown.domain : undefined) ?? domain;
      accounts.note({ event: "withheld", ...wish, by, reason: reasonOf(thrown) });
      // Those who agreed would go on counting it among what the client has.
      const untilMs = Date.parse(request.window.end);
      await this.#parts.withdrawals.make({ grant: id, domains, untilMs });
      throw thrown;
    }
  }

  /** Rejects with Refused (404) if this client has no such grant here. */
  status(client: Known, id: string): GrantStatus {
    return this.#asOfNow(id, this.#find(client, id));
  }

  /** This client's grants that are neither revoked nor past. */
  standing(client: Known): GrantListing[] {
    const select = "SELECT * FROM grants WHERE subject = ?";
    const rows = z.array(row).parse(this.#parts.database.prepare(select).all(client.id));
    const all = rows.map(({ id, body }) => {
      const details = grantDetails.parse(JSON.parse(body));
      return { ...this.#asOfNow(id, details), vm: details.vm };
    });
    return all.filter(({ state }) => state === "active");
  }

  #asOfNow(id: string, { domains, window }: GrantDetails): GrantStatus {
    const revoked = this.#parts.revocations.has(this.#parts.signatures.domain, id);
    const expired = Date.parse(window.end) <= Date.now();
    return { id, state: revoked ? "revoked" : expired ? "expired" : "active", domains, window };
  }

  /** From now on no token is given under it, nor taken here; and the others on the way are told. */
  async revoke(client: Known, id: string): Promise<void> {
    const { domains, window } = this.#find(client, id);
    await this.#parts.withdrawals.make({ grant: id, domains, untilMs: Date.parse(window.end) });
  }

  #find(client: Known, id: string): GrantDetails {
    const found = row.safeParse(this.#parts.database.prepare("SELECT * FROM grants WHERE id = ?").get(id));
    if (!found.success || found.data.subject !== client.id) {
      throw new Refused(404, "grant.unknown", `${client.id} has no grant ${id}`);
    }
    return grantDetails.parse(JSON.parse(found.data.body));
  }

  #waysFor({ between: [one, other], bandwidthMbps, constraints }: GrantRequest): readonly (readonly string[])[] {
    const { topology } = this.#parts.config;
    const ends = [domainOf(topology, one), domainOf(topology, other)] as const;
    return one === other ? [] : waysBetween(topology, ends, bandwidthMbps, MOST_WAYS, constraints);
  }
}

function noWay({ between, bandwidthMbps, constraints }: GrantRequest): Refused {
  const bound = constraints === undefined ? "" : " and keeps to the constraints";
  return new Refused(
    403,
    "path.none",
    `no path between ${between.join(" and ")} carries ${bandwidthMbps} Mbps${bound}`,
  );
}
