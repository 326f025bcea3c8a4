import type { DatabaseSync } from "node:sqlite";
import type { Logger } from "pino";
import { z } from "zod";
import { nothing } from "../../aaa/channel.ts";
import { reasonOf } from "../../errors.ts";
import type { Accounts } from "../accounting/ledger.ts";
import type { Peers } from "../peers.ts";
import type { Revocations } from "./revocations.ts";

const row = z.object({ peer: z.string(), grant_id: z.string(), token: z.string() });

export interface WithdrawalParts {
  readonly domain: string;
  readonly database: DatabaseSync;
  readonly revocations: Revocations;
  readonly peers: Peers;
  readonly accounts: Accounts;
  readonly log: Logger;
}

/** A grant of this domain, or one token under it, that is to be worth nothing any more. */
export interface Withdrawn {
  readonly grant: string;
  /** Absent: all of them. */
  readonly token?: string;
  /** Who is told: every domain that would take it. */
  readonly domains: readonly string[];
  /** When it ends by itself, and nobody needs to be told any more. */
  readonly untilMs: number;
}

/**
 * Takes back what this domain gave as home, here at once and by telling each domain on the way. One that does not answer is told
 * again until it does, also after a restart; until then it may take a token, though none that outlives its short life.
 */
export class Withdrawals {
  readonly #parts: WithdrawalParts;

  constructor(parts: WithdrawalParts) {
    this.#parts = parts;
  }

  /** Resolves when each domain was told, or did not answer. */
  async make({ grant, token, domains, untilMs }: Withdrawn): Promise<void> {
    const { domain, database, revocations, accounts } = this.#parts;
    if (token === undefined) revocations.add(domain, grant);
    else revocations.addToken(domain, grant, token);
    accounts.note({ event: "revocation", grant, home: domain, ...(token === undefined ? {} : { token }) });
    const insert = database.prepare("INSERT INTO untold_revocations VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING");
    const others = [...new Set(domains)].filter((one) => one !== domain);
    for (const peer of others) insert.run(peer, grant, token ?? "", untilMs);
    await Promise.all(others.map((peer) => this.#tell({ peer, grant_id: grant, token: token ?? "" })));
  }

  /** Tells those again who have not answered yet. */
  async settle(): Promise<void> {
    const { database } = this.#parts;
    database.prepare("DELETE FROM untold_revocations WHERE until < ?").run(Date.now());
    const rows = z.array(row).parse(database.prepare("SELECT * FROM untold_revocations").all());
    await Promise.all(rows.map((one) => this.#tell(one)));
  }

  async #tell({ peer, grant_id: grant, token }: z.output<typeof row>): Promise<void> {
    const { database, peers, log } = this.#parts;
    const path = ["aaa", "consents", grant, ...(token === "" ? [] : ["tokens", token])];
    try {
      await peers.ask(peer, { method: "DELETE", path, answer: nothing });
      const remove = "DELETE FROM untold_revocations WHERE peer = ? AND grant_id = ? AND token = ?";
      database.prepare(remove).run(peer, grant, token);
    } catch (thrown) {
      log.warn({ peer, reason: reasonOf(thrown) }, "a peer was not told of a revocation yet");
    }
  }
}
