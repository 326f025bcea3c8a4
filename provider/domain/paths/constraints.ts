import type { NetworkLink } from "./network.ts";

/** What a way must keep to. */
export interface Constraints {
  /** One way, over all links. */
  readonly maxDelayMs?: number;
  /** Nodes that must be on the way, in any order. */
  readonly include?: readonly string[];
  readonly avoidNodes?: readonly string[];
  readonly avoidLinks?: readonly string[];
  readonly avoidRiskGroups?: readonly string[];
}

/** Whether links and nodes may be on a way, as far as each can be judged alone. */
export class Permits {
  readonly #nodes: ReadonlySet<string>;
  readonly #links: ReadonlySet<string>;
  readonly #groups: ReadonlySet<string>;

  constructor({ avoidNodes, avoidLinks, avoidRiskGroups }: Constraints) {
    this.#nodes = new Set(avoidNodes);
    this.#links = new Set(avoidLinks);
    this.#groups = new Set(avoidRiskGroups);
  }

  allows({ id, ends: [one, other], riskGroups }: NetworkLink): boolean {
    if (this.#links.has(id) || this.#nodes.has(one) || this.#nodes.has(other)) return false;
    return !riskGroups.some((group) => this.#groups.has(group));
  }
}
