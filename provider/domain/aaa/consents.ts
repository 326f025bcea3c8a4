import { CONSENT_TYPE, type ConsentDetails } from "../../aaa/token.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { DomainConfig } from "../config.ts";
import { Refused } from "../refused.ts";
import { portsOn } from "../topology.ts";
import type { ConsentRequest } from "../wire.ts";
import type { Permission } from "./permission.ts";
import type { Signatures } from "./signatures.ts";

/** Has this domain's policies decide whether its part of a path may be used, and signs what they permit. */
export class Consents {
  readonly #config: DomainConfig;
  readonly #signatures: Signatures;
  readonly #permission: Permission;
  readonly #accounts: Accounts;

  constructor(config: DomainConfig, signatures: Signatures, permission: Permission, accounts: Accounts) {
    this.#accounts = accounts;
    this.#config = config;
    this.#signatures = signatures;
    this.#permission = permission;
  }

  /** A signed consent; `home` is the domain that asks. Rejects with Refused (403). */
  async decide(home: string, { sides, ...wish }: ConsentRequest): Promise<string> {
    const { grant, subject, between, from, bandwidthMbps, window, vm, encryption } = wish;
    const { topology, domain } = this.#config;
    const [left, right] = [portsOn(topology, domain, sides[0]), portsOn(topology, domain, sides[1])];
    const foreign = sides.find((side) => side.kind === "stp" && !between.includes(side.stp));
    if (left.length === 0 || right.length === 0 || foreign !== undefined) {
      throw new Refused(403, "path.unknown", `${domain} has no such way through: ${JSON.stringify(sides)}`);
    }
    this.#permission.require("consent", home, wish);
    const scope = { grant, between, from, bandwidthMbps, window, vm, encryption };
    const details: ConsentDetails = { type: "lightpath-consent", ...scope, sides: [[...left], [...right]] };
    const claims = { sub: subject, aud: home, authorization_details: [details] };
    const signed = await this.#signatures.sign(CONSENT_TYPE, claims, Date.parse(window.end));
    this.#accounts.note({ event: "consent", ...scope, subject, home });
    return signed;
  }
}
