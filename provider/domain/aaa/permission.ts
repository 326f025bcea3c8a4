import type { DomainConfig } from "../config.ts";
import type { Policies } from "../policy/policies.ts";
import type { PolicyRequest } from "../policy/request.ts";
import { decide } from "../policy/verdict.ts";
import { Refused } from "../refused.ts";
import type { ConsentRequest } from "../wire.ts";
import type { Commitment, Commitments } from "./commitments.ts";

/** What is asked for, but for the way: as a client asks its home, and the home the domains on the way. */
export type Wish = Omit<ConsentRequest, "sides">;

/** Whether what is asked for may be, by the domain's own policies and what it permitted before. */
export class Permission {
  readonly #config: Pick<DomainConfig, "domain" | "topology" | "timeZone">;
  readonly #policies: Policies;
  readonly #commitments: Commitments;

  constructor(config: DomainConfig, policies: Policies, commitments: Commitments) {
    this.#config = config;
    this.#policies = policies;
    this.#commitments = commitments;
  }

  /**
   * Notes that it is permitted, so that it counts in what the subject has, until it ends or is revoked. `home`: the
   * domain that asks. Throws Refused (403) with the policy and its reason. Nothing can come between decision and note.
   */
  require(action: PolicyRequest["action"], home: string, wish: Wish): void {
    const { grant, subject, bandwidthMbps, window } = wish;
    const now = new Date();
    const [startMs, endMs] = [Date.parse(window.start), Date.parse(window.end)];
    if (endMs <= now.getTime()) throw new Refused(403, "window.over", `the window ended at ${window.end}`);
    const commitment: Commitment = { action, home, subject, grant, bandwidthMbps, startMs, endMs };
    const totalBandwidthMbps = this.#commitments.totalMbps(commitment);
    const { timeZone } = this.#config;
    for (const [from, to] of this.#directions(wish)) {
      const { groups = [], encryption, purpose, vm, labels = {} } = wish;
      const verdict = decide(this.#policies.current, {
        ...{ action, home, subject, groups, vm: { name: vm, labels }, from, to },
        ...{ bandwidthMbps, totalBandwidthMbps, window, now: now.toISOString(), timeZone, encryption, purpose },
      });
      if (!verdict.permitted) throw new Refused(403, "policy.refused", verdict.reason, undefined, verdict.policy);
    }
    this.#commitments.add(commitment);
  }

  /** What is for either way must be permitted in both. */
  #directions({ between: [one, other], siteLabels, from }: Wish) {
    const [left, right] = [this.#place(one, siteLabels?.[0]), this.#place(other, siteLabels?.[1])];
    const both = [[left, right] as const, [right, left] as const];
    return both.filter(([{ stp }]) => from === undefined || from === stp);
  }

  /** What this domain knows of a site itself outweighs what it is told. */
  #place(stp: string, labels: Readonly<Record<string, string>> = {}): PolicyRequest["from"] {
    const known = this.#config.topology.stps.find(({ id }) => id === stp);
    const { jurisdiction = labels.jurisdiction } = known ?? {};
    const domain = known?.domain ?? stp.split(":")[3] ?? "";
    return { stp, domain, labels: { ...labels, ...(jurisdiction === undefined ? {} : { jurisdiction }) } };
  }
}
