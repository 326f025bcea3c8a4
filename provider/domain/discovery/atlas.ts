import type { Topology } from "../config.ts";
import type { OwnLinks } from "../element/own-links.ts";
import type { Link } from "../topology.ts";
import type { Statements } from "./statements.ts";

/**
 * The network as this domain knows it now. Each domain is taken at its own word: its newest description while that holds, nothing
 * once it has expired, and what the configuration says of it as long as it was never heard. A link is there if both its ends
 * say so, and is as good as the worse of the two says; this domain does not tell of those that are down.
 */
export class Atlas implements Topology {
  readonly #domain: string;
  readonly #configured: Topology;
  readonly #statements: Statements;
  readonly #links: Pick<OwnLinks, "down">;

  constructor(domain: string, configured: Topology, statements: Statements, links: Pick<OwnLinks, "down">) {
    this.#links = links;
    this.#domain = domain;
    this.#configured = configured;
    this.#statements = statements;
  }

  get stps(): Topology["stps"] {
    return this.#domains().flatMap((domain) => this.#toldBy(domain).stps);
  }

  get links(): Topology["links"] {
    const told = this.#domains().flatMap((domain) => this.#toldBy(domain).links.map((link) => ({ domain, link })));
    const byName = Map.groupBy(told, ({ link: { id, a, b } }) => JSON.stringify([id, a, b]));
    return [...byName.values()].flatMap(([one, other]) =>
      one === undefined || other === undefined ? [] : [worse(one.link, other.link)],
    );
  }

  /** What this domain tells of itself. */
  get own(): Topology {
    const { stps, links } = partOf(this.#configured, this.#domain);
    const { down } = this.#links;
    return { stps, links: links.filter(({ id }) => !down.includes(id)) };
  }

  #domains(): readonly string[] {
    const { stps, links } = this.#configured;
    const configured = [...stps.map(({ domain }) => domain), ...links.flatMap(({ a, b }) => [a.domain, b.domain])];
    const heard = [...this.#statements.all()].map(({ domain }) => domain);
    return [...new Set([this.#domain, ...configured, ...heard])];
  }

  #toldBy(domain: string): Topology {
    if (domain === this.#domain) return this.own;
    const heard = this.#statements.find(domain);
    if (heard === undefined) return partOf(this.#configured, domain);
    return heard.expiresMs > Date.now() ? heard.topology : { stps: [], links: [] };
  }
}

function partOf({ stps, links }: Topology, domain: string): Topology {
  return {
    stps: stps.filter((stp) => stp.domain === domain),
    links: links.filter(({ a, b }) => a.domain === domain || b.domain === domain),
  };
}

function worse(one: Link, other: Link): Link {
  const costs = [one.cost, other.cost].flatMap((cost) => cost ?? []);
  const groups = [...new Set([...(one.riskGroups ?? []), ...(other.riskGroups ?? [])])];
  return {
    ...{ id: one.id, a: one.a, b: one.b },
    capacityMbps: Math.min(one.capacityMbps, other.capacityMbps),
    channels: Math.min(one.channels, other.channels),
    delayMs: Math.max(one.delayMs, other.delayMs),
    ...(costs.length === 0 ? {} : { cost: Math.max(...costs) }),
    ...(groups.length === 0 ? {} : { riskGroups: groups }),
  };
}
