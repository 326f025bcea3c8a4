import type { Context, Hosts } from "../context.ts";
import { detach } from "../lightpath/attachment.ts";
import { type JournalFile, notePorts, readJournal } from "./journal.ts";
import { type End, shelfOf } from "./move.ts";

/** One VM after the other: of two that shared a path each would leave its ports to the other. */
const last = new WeakMap<Hosts, Promise<void>>();

/**
 * Takes hosts off the ports that a move lit, but for those that the journal of another VM's move at that host names
 * too: whoever shared the path with it is still on it, or clears up as well. Then its own journal names none. Rejects with
 * move.failed if another VM's journal there cannot be read, every port left as it is.
 */
export async function leavePorts(
  { hosts }: Pick<Context, "hosts">,
  ends: readonly End[],
  home: End,
  journal: JournalFile,
): Promise<void> {
  const turn = (last.get(hosts) ?? Promise.resolve()).then(async () => {
    for (const end of ends) await leaveAt(end, journal);
    await notePorts(shelfOf(home), journal, []);
  });
  last.set(
    hosts,
    turn.catch(() => undefined),
  );
  await turn;
}

async function leaveAt(end: End, { lit }: JournalFile): Promise<void> {
  const mine = lit.filter((port) => port.site === end.location.name && port.host === end.record.name);
  if (mine.length === 0) return;
  const others = await portsOfOthers(end);
  for (const { device } of mine) if (!others.has(device)) await detach({ host: end.host, device });
}

async function portsOfOthers({ host, record, place, location }: End): Promise<ReadonlySet<string>> {
  const names = (await host.list(record.storage)).map((name) => `${record.storage}/${name}`);
  const others = names.filter((directory) => directory !== place.directory);
  // What cannot be read may name a port that another VM is on just now: nothing is guessed, and nothing taken away.
  const journals = await Promise.all(others.map((directory) => readJournal({ host, directory })));
  const named = journals.flatMap((journal) => journal?.lit ?? []);
  const here = named.filter((port) => port.site === location.name && port.host === record.name);
  return new Set(here.map(({ device }) => device));
}
