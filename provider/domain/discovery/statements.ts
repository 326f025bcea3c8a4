import type { DatabaseSync } from "node:sqlite";
import { z } from "zod";
import { topology } from "../config.ts";
import type { Statement } from "./document.ts";

const row = z.object({
  ...{ domain: z.string(), version: z.number(), expires: z.number(), body: z.string(), document: z.string() },
});

/** The newest description that each domain gave of itself, expired ones too: an older one must never replace it. */
export class Statements {
  readonly #database: DatabaseSync;
  readonly #known: Map<string, Statement>;

  constructor(database: DatabaseSync) {
    this.#database = database;
    const rows = z.array(row).parse(database.prepare("SELECT * FROM topologies").all());
    this.#known = new Map(rows.map((found) => [found.domain, statementOf(found)]));
  }

  find(domain: string): Statement | undefined {
    return this.#known.get(domain);
  }

  all(): Iterable<Statement> {
    return this.#known.values();
  }

  put(statement: Statement): void {
    const { domain, version, expiresMs, topology: told, document } = statement;
    const insert = "INSERT OR REPLACE INTO topologies VALUES (?, ?, ?, ?, ?)";
    this.#database.prepare(insert).run(domain, version, expiresMs, JSON.stringify(told), document);
    this.#known.set(domain, statement);
  }
}

function statementOf({ domain, version, expires, body, document }: z.output<typeof row>): Statement {
  return { domain, version, expiresMs: expires, topology: topology.parse(JSON.parse(body)), document };
}
