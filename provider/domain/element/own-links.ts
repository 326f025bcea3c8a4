import type { DomainConfig } from "../config.ts";
import { Refused } from "../refused.ts";
import { portAt } from "../topology.ts";
import type { Element, Terminal } from "./element.ts";

interface OwnLink {
  readonly id: string;
  /** Of this domain's switch. */
  readonly port: string;
  readonly channels: number;
}

/** The links that end at this domain, as its switch sees them: one of which no channel has carrier is down. */
export class OwnLinks {
  readonly #domain: string;
  readonly #links: readonly OwnLink[];
  readonly #element: Pick<Element, "dark">;
  readonly #listeners: (() => void)[] = [];
  #dark: readonly Terminal[] = [];

  constructor({ domain, topology }: Pick<DomainConfig, "domain" | "topology">, element: Pick<Element, "dark">) {
    this.#domain = domain;
    this.#element = element;
    this.#links = topology.links.flatMap((link) => {
      const port = portAt(link, domain);
      return port === undefined ? [] : [{ id: link.id, port, channels: link.channels }];
    });
  }

  /** As of the last look. */
  get down(): readonly string[] {
    return this.#links
      .filter(({ port, channels }) => this.#dark.filter((one) => one.port === port).length >= channels)
      .map(({ id }) => id);
  }

  /** As of the last look: what has no carrier is not to be had. */
  isDark({ port, channel }: Terminal): boolean {
    return this.#dark.some((one) => one.port === port && one.channel === channel);
  }

  /** Asks the switch, and tells who wants to know if a link went down or came back. */
  async look(): Promise<void> {
    const before = this.down.join(" ");
    this.#dark = await this.#element.dark();
    if (this.down.join(" ") !== before) for (const tell of this.#listeners) tell();
  }

  whenChanged(tell: () => void): void {
    this.#listeners.push(tell);
  }

  /** Rejects with Refused (409) that names the link if one of these, as they are now, lets nothing through. */
  async require(ends: readonly Terminal[]): Promise<void> {
    await this.look();
    const end = ends.find((one) => this.isDark(one));
    const link = this.#links.find(({ port }) => port === end?.port)?.id;
    if (end === undefined || link === undefined) return;
    const reason = `link ${link} is down: channel ${end.channel} of port ${end.port} has no carrier`;
    throw new Refused(409, "link.down", reason, this.#domain, undefined, undefined, link);
  }
}
