import type { Logger } from "pino";
import { nothing } from "../../aaa/channel.ts";
import { reasonOf } from "../../errors.ts";
import type { Signatures } from "../aaa/signatures.ts";
import type { Peers } from "../peers.ts";
import { Refused } from "../refused.ts";
import { topologies } from "../wire.ts";
import type { Atlas } from "./atlas.ts";
import { type Statement, signStatement, verifyStatement } from "./document.ts";
import type { Statements } from "./statements.ts";

export interface ExchangeParts {
  readonly signatures: Signatures;
  readonly statements: Statements;
  readonly atlas: Atlas;
  readonly peers: Peers;
  /** How long a description holds that is not refreshed. */
  readonly lifeSeconds: number;
  readonly log: Logger;
}

/** Tells the peers what this domain is, and what others told; what is new travels from peer to peer (flooding). */
export class Exchange {
  readonly #parts: ExchangeParts;
  readonly #telling = new Set<Promise<unknown>>();

  constructor(parts: ExchangeParts) {
    this.#parts = parts;
  }

  /** What still holds, this domain's own description included. */
  known(): readonly Statement[] {
    return [...this.#parts.statements.all()].filter(({ expiresMs }) => expiresMs > Date.now());
  }

  /**
   * Takes what a peer passes on. What is known already is fine. Rejects with Refused: 403 if it is not to be believed, 409 if
   * something newer is known.
   */
  async learn(document: string, from: string): Promise<void> {
    const { signatures, statements } = this.#parts;
    const told = await verifyStatement(signatures, document);
    const before = statements.find(told.domain);
    if (before?.document === document) return;
    if (told.domain === signatures.domain || (before !== undefined && told.version <= before.version)) {
      const newest = `${before?.version ?? "a later one"} is known`;
      throw new Refused(409, "topology.older", `version ${told.version} of ${told.domain} is not new: ${newest}`);
    }
    statements.put(told);
    this.#tell(told, [from, told.domain]);
  }

  /** Tells anew what this domain is, and asks the peers what they know: a message that was lost is made up for. */
  async refresh(): Promise<void> {
    const { signatures, statements, atlas, peers, lifeSeconds, log } = this.#parts;
    const nowMs = Date.now();
    // From the clock, so that it grows even if the store was lost.
    const version = Math.max((statements.find(signatures.domain)?.version ?? 0) + 1, nowMs);
    const own = await signStatement(signatures, atlas.own, version, nowMs + lifeSeconds * 1_000);
    statements.put(own);
    this.#tell(own, []);
    const asked = peers.names.map(async (peer) => {
      const documents = await peers.ask(peer, { method: "GET", path: ["drac", "topologies"], answer: topologies });
      for (const { document } of documents) await this.#learnFrom(peer, document);
    });
    const outcomes = await Promise.allSettled(asked);
    outcomes.forEach((one, index) => {
      if (one.status === "fulfilled") return;
      log.debug({ peer: peers.names[index], reason: reasonOf(one.reason) }, "a peer told no topology");
    });
  }

  /** Resolves when nobody is being told anything any more. */
  async settled(): Promise<void> {
    await Promise.all(this.#telling);
  }

  async #learnFrom(peer: string, document: string): Promise<void> {
    try {
      await this.learn(document, peer);
    } catch (thrown) {
      // Another peer may be behind, or know domains that this one does not.
      if (!(thrown instanceof Refused)) throw thrown;
      this.#parts.log.debug({ peer, reason: thrown.message }, "a topology was not taken");
    }
  }

  #tell({ document }: Statement, but: readonly string[]): void {
    const { peers, log } = this.#parts;
    for (const peer of peers.names) {
      if (but.includes(peer)) continue;
      const told = peers
        .ask(peer, { method: "POST", path: ["drac", "topologies"], body: { document }, answer: nothing })
        .catch((thrown: unknown) => log.debug({ peer, reason: reasonOf(thrown) }, "a peer did not take a topology"))
        .finally(() => this.#telling.delete(told));
      this.#telling.add(told);
    }
  }
}
