import type { Aaa } from "../aaa/aaa.ts";
import type { DomainRecord } from "../aaa/domain-record.ts";
import type { TimeWindow } from "../aaa/wire.ts";
import type { Lightpath, PathController } from "../lightpath/lightpath.ts";
import type { JournalFile } from "./journal.ts";

type Borrowed = JournalFile["borrowed"];

/** What is needed to give back: the two parties that lend. */
export interface Lenders {
  aaa(home: DomainRecord): Aaa;
  lightpath(home: PathController): Lightpath;
}

/**
 * Gives back what a journal says was borrowed for a VM, and what was asked for and may have been lent without its id
 * having been noted: that is found by its window. What is back already is fine. Rejects with domain.*.
 */
export async function giveBack(lenders: Lenders, vm: string, borrowed: Borrowed): Promise<void> {
  const { home, asking, grant, further = [] } = borrowed;
  if (home === undefined) return;
  await giveBackPath(lenders.lightpath(home), vm, borrowed);
  // Only domains give grants.
  if ("kind" in home) return;
  const aaa = lenders.aaa(home);
  for (const one of [{ asking, grant }, ...further]) {
    for (const id of await grantsOf(aaa, vm, one)) await aaa.revokeGrant(id);
  }
}

async function grantsOf(aaa: Aaa, vm: string, { asking, grant }: Pick<Borrowed, "asking" | "grant">) {
  if (grant !== undefined) return [grant];
  return asking === undefined ? [] : matching(await aaa.listGrants(), vm, asking).map(({ id }) => id);
}

async function giveBackPath(lightpath: Lightpath, vm: string, borrowed: Borrowed): Promise<void> {
  const { reserving, connection, declared } = borrowed;
  if (connection !== undefined && declared) await lightpath.release(connection);
  else if (connection !== undefined) await lightpath.leave(connection, vm);
  else if (reserving !== undefined) {
    for (const { connectionId } of matching(await lightpath.list(), vm, reserving)) {
      await lightpath.leave(connectionId, vm);
    }
  }
}

interface Lent {
  readonly vm: string;
  readonly window: TimeWindow;
}

function matching<T extends Lent>(all: readonly T[], vm: string, { start, end }: TimeWindow): readonly T[] {
  return all.filter(({ vm: whose, window }) => whose === vm && window.start === start && window.end === end);
}
