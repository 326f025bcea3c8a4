import { DatabaseSync } from "node:sqlite";
import { decodeJwt } from "jose";
import { type Entry, entry } from "../../provider/domain/accounting/entry.ts";
import { recordsIn } from "../../provider/domain/accounting/ledger.ts";
import type { Name, Testbed } from "../domain/testbed.ts";

/** What a domain has accounted for, by its own store; signatures are not looked at. */
export function entriesOf({ directory }: Testbed, name: Name): readonly Entry[] {
  return within(`${directory}/${name}.sqlite`, (database) =>
    recordsIn(database).map((record) => entry.parse(decodeJwt(record))),
  );
}

/** Lets somebody with the disk in his hands change a domain's store. */
export function tamper({ directory }: Testbed, name: Name, statement: string, ...values: readonly string[]): void {
  within(`${directory}/${name}.sqlite`, (database) => database.prepare(statement).run(...values));
}

function within<Result>(file: string, act: (database: DatabaseSync) => Result): Result {
  const database = new DatabaseSync(file);
  try {
    return act(database);
  } finally {
    database.close();
  }
}
