import { CONSENT_TYPE, type ConsentDetails } from "../../aaa/token.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { DomainConfig } from "../config.ts";
import { Refused } from "../refused.ts";
import { portsOn } from "../topology.ts";
import type { ConsentRequest } from "../wire.ts";
import type { Signatures } from "./signatures.ts";

const DAY_MS = 24 * 3_600_000;

/** Who asks for consent: a home domain, and how much it may ask for. */
export interface Asker {
  readonly home: string;
  readonly maxBandwidthMbps: number;
}

/** Decides, by this domain's own configuration, whether its part of a path may be used, and signs what it agrees to. */
export class Consents {
  readonly #config: DomainConfig;
  readonly #signatures: Signatures;
  readonly #accounts: Accounts;

  constructor(config: DomainConfig, signatures: Signatures, accounts: Accounts) {
    this.#accounts = accounts;
    this.#config = config;
    this.#signatures = signatures;
  }

  /** A signed consent. Rejects with Refused (403). */
  async decide(asker: Asker, request: ConsentRequest): Promise<string> {
    const { grant, subject, sides, ...scope } = request;
    this.#allow(asker, request);
    const { topology, domain } = this.#config;
    const [left, right] = [portsOn(topology, domain, sides[0]), portsOn(topology, domain, sides[1])];
    const foreign = sides.find((side) => side.kind === "stp" && !scope.between.includes(side.stp));
    if (left.length === 0 || right.length === 0 || foreign !== undefined) {
      throw new Refused(403, "path.unknown", `${domain} has no such way through: ${JSON.stringify(sides)}`);
    }
    const details: ConsentDetails = { type: "lightpath-consent", grant, ...scope, sides: [[...left], [...right]] };
    const claims = { sub: subject, aud: asker.home, authorization_details: [details] };
    const signed = await this.#signatures.sign(CONSENT_TYPE, claims, Date.parse(scope.window.end));
    this.#accounts.note({ event: "consent", grant, subject, ...scope, home: asker.home });
    return signed;
  }

  #allow({ home, maxBandwidthMbps }: Asker, { bandwidthMbps, window }: ConsentRequest): void {
    const { domain, maxWindowDays } = this.#config;
    if (bandwidthMbps > maxBandwidthMbps) {
      const limit = `${domain} allows ${maxBandwidthMbps} Mbps at most to who asks through ${home}`;
      throw new Refused(403, "policy.bandwidth", `${limit}, not ${bandwidthMbps} Mbps`);
    }
    const end = Date.parse(window.end);
    if (end <= Date.now()) throw new Refused(403, "policy.window", `the window ended at ${window.end}`);
    if (end > Date.now() + maxWindowDays * DAY_MS) {
      throw new Refused(403, "policy.window", `the window ends more than ${maxWindowDays} days from now`);
    }
  }
}
