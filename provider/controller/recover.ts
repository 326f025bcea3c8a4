import type { DomainRecord } from "../aaa/domain-record.ts";
import type { Context } from "../context.ts";
import { inMove } from "../correlation.ts";
import { detach } from "../lightpath/attachment.ts";
import { clearAway } from "./clear-away.ts";
import { committedMeanwhile } from "./faults.ts";
import { type JournalFile, readJournal, removeJournal } from "./journal.ts";
import { type End, shelfOf } from "./move.ts";
import type { ReplicaChoice } from "./placement.ts";
import { tunnelsAt } from "./steer.ts";
import type { Sighting, Whereabouts } from "./whereabouts.ts";

/**
 * Clears up after a move that broke off, by what is seen and not by what was meant: an arrival that was not
 * committed is refused for good and removed, an older copy becomes a replica or goes, a VM that was left standing
 * still goes on, and what the journal says was borrowed is given back. Afterwards the VM has one place, and nothing
 * else of it is left but replicas; resolves with that place as it is then.
 * Rejects, changing nothing further, if a site or domain whose word is needed does not answer.
 */
export async function recover(
  context: Context,
  found: Whereabouts & { readonly home: Sighting },
  domains: readonly DomainRecord[],
  replicas: ReplicaChoice,
): Promise<Sighting> {
  const { home, leftovers } = found;
  const journals = await Promise.all([home, ...leftovers].map(({ end }) => readJournal(shelfOf(end))));
  const journal = journals.find((one) => one !== undefined);
  if (!journal && leftovers.length === 0) return home;
  if (!journal) return await clearUp(context, found, replicas);
  return await inMove(journal.move, () => finish(context, found, journal, domains, replicas));
}

async function finish(
  context: Context,
  found: Whereabouts & { readonly home: Sighting },
  journal: JournalFile,
  domains: readonly DomainRecord[],
  replicas: ReplicaChoice,
): Promise<Sighting> {
  const { home } = found;
  context.narrator.info(`clearing up after an unfinished move ${journal.from} → ${journal.to}`);
  const now = await clearUp(context, found, replicas);
  for (const end of found.ends) await leavePath(end, journal);
  await giveBack(context, journal.borrowed, domains);
  await removeJournal(shelfOf(home.end));
  return now;
}

async function clearUp(
  context: Context,
  { home, leftovers }: Whereabouts & { readonly home: Sighting },
  replicas: ReplicaChoice,
): Promise<Sighting> {
  for (const leftover of leftovers) await clear(context, home, leftover, replicas);
  return await awake(context, home);
}

async function clear(
  context: Context,
  home: Sighting,
  { end, seen }: Sighting,
  replicas: ReplicaChoice,
): Promise<void> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const vm = await hypervisor.specOf(home.end.place);
  context.narrator.warn(`ending an unfinished ${seen.kind} copy of ${vm.name} at ${end.location.name}`);
  // Their records go with the copy, their devices do not.
  const tunnels = await tunnelsAt(end);
  if (seen.kind === "incoming") {
    // A source that is dead cannot be let go on: the arrival is only to be refused.
    const holder =
      home.seen.run === "dead"
        ? await hypervisor.refuse(end.place, vm)
        : await hypervisor.settle(home.end.place, end.place, vm, true);
    if (holder === "destination") throw committedMeanwhile(vm.name, end);
  }
  const generation = await hypervisor.generationAt(home.end.place);
  if (seen.kind === "active" && replicas === "keep" && generation !== undefined) {
    await hypervisor.retire(end.place, vm, generation);
  }
  await clearAway(context, end, vm.name, tunnels, replicas === "keep" ? "replica" : "nothing");
}

/** A move that broke off may have left the VM paused where it is, or where it arrived. */
async function awake(context: Context, { end, seen }: Sighting): Promise<Sighting> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const vm = await hypervisor.specOf(end.place);
  if (seen.run === "paused") await hypervisor.resume(end.place, vm);
  if (seen.run !== "dead") await hypervisor.settleDisks(end.place, vm);
  const now = await hypervisor.observe(end.place);
  return { end, seen: now.kind === "active" ? now : seen };
}

async function giveBack(
  context: Context,
  borrowed: JournalFile["borrowed"],
  domains: readonly DomainRecord[],
): Promise<void> {
  const home = domains.find(({ name }) => name === borrowed.home);
  if (!home) return;
  if (borrowed.connection && borrowed.declared) await context.lightpath(home).release(borrowed.connection);
  else if (borrowed.connection) await context.lightpath(home).terminate(borrowed.connection);
  if (borrowed.grant) await context.aaa(home).revokeGrant(borrowed.grant);
}

/** Takes a host off the ports that this move lit; another VM may be on its way over the others. */
async function leavePath({ host, location, record }: End, { lit }: JournalFile): Promise<void> {
  const mine = lit.filter((port) => port.site === location.name && port.host === record.name);
  for (const { device } of mine) await detach({ host, device });
}
