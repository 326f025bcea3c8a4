import type { Context } from "../context.ts";
import { detach } from "../lightpath/attachment.ts";
import type { TunnelRecord } from "../tunnel/tunnel.ts";
import { clearAway } from "./clear-away.ts";
import { silence } from "./faults.ts";
import { giveBack } from "./give-back.ts";
import { type JournalFile, readJournal, removeJournal, wasBegun } from "./journal.ts";
import { type End, shelfOf } from "./move.ts";
import { confirm, tunnelsAt } from "./steer.ts";
import type { Sighting, Whereabouts } from "./whereabouts.ts";

/**
 * Clears up after a move that broke off, by what is seen and not by what was meant: an arrival that was not
 * committed is refused for good and removed, an older copy is removed, a VM that was left standing still goes on,
 * its clients are led to it, and what the journal says was borrowed is given back. Afterwards the VM has one place and
 * nothing else of it is left; resolves with that place as it is then, or with undefined, nothing further changed, if
 * the VM arrived elsewhere while it was looked for: then look again.
 * Rejects, changing nothing further, if a site or domain whose word is needed does not answer.
 */
export async function recover(
  context: Context,
  vmName: string,
  found: Whereabouts & { readonly home: Sighting },
): Promise<Sighting | undefined> {
  const { home, leftovers } = found;
  const journals = await Promise.all([home, ...leftovers].map(({ end }) => readJournal(shelfOf(end))));
  const journal = journals.find((one) => one !== undefined);
  if (!journal && leftovers.length === 0) return home;
  if (journal) context.narrator.info(`clearing up after an unfinished move ${journal.from} → ${journal.to}`);
  const ends = journal ? endsOf(vmName, journal, found.ends) : [];
  // A tunnel's end may stand where its record was not written yet.
  const tunnels = new Map<string, TunnelRecord>();
  for (const { end } of [home, ...leftovers]) for (const one of await tunnelsAt(end)) tunnels.set(one.name, one);
  for (const leftover of leftovers) {
    if (!(await clear(context, home.end, leftover, [...tunnels.values()]))) return undefined;
  }
  const now = await awake(context, home, journal);
  if (!journal) return now;
  if (now.seen.run !== "dead") await lead(context, now);
  if (wasBegun(journal, "light")) for (const end of ends) await leavePath(end);
  await giveBack(context, vmName, journal.borrowed);
  await removeJournal(shelfOf(home.end));
  return now;
}

/** Both ends of the move that broke off: without the word of each, nobody knows which one has the VM. */
function endsOf(vmName: string, { from, to }: JournalFile, ends: readonly End[]): readonly End[] {
  const named = ends.filter(({ location }) => [from, to].includes(location.name));
  const unasked = [from, to].filter((site) => !named.some(({ location }) => location.name === site));
  if (unasked.length === 0) return named;
  const reason = "a move that broke off names it";
  throw silence(
    vmName,
    unasked.map((site) => ({ site, reason })),
  );
}

/** False if it turns out that the VM has arrived there. */
async function clear(
  context: Context,
  home: End,
  { end, seen }: Sighting,
  tunnels: readonly TunnelRecord[],
): Promise<boolean> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const vm = await hypervisor.specOf(home.place);
  context.narrator.warn(`removing an unfinished ${seen.kind} copy of ${vm.name} at ${end.location.name}`);
  if (seen.kind === "incoming") {
    const holder = await hypervisor.settle(home.place, end.place, vm, true);
    if (holder === "destination") return false;
  }
  await clearAway(context, end, vm.name, tunnels);
  return true;
}

/** A move that broke off may have left the VM paused where it is, or where it arrived, or copying to nowhere. */
async function awake(context: Context, { end, seen }: Sighting, journal: JournalFile | undefined): Promise<Sighting> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const copying = journal !== undefined && wasBegun(journal, "migrate") && seen.run === "running";
  if (seen.run === "paused" || copying) await hypervisor.resume(end.place, await hypervisor.specOf(end.place));
  const now = await hypervisor.observe(end.place);
  return { end, seen: now.kind === "absent" ? seen : now };
}

/** Every gateway points at the VM, and its end of each tunnel stands. */
async function lead(context: Context, { end, seen }: Sighting): Promise<void> {
  const steering = { tunnel: context.tunnel, gateway: context.hosts.open };
  for (const record of await tunnelsAt(end)) {
    await context.tunnel(record.kind).attach(end.host, record, end.record.tunnel.address);
    await confirm(end, seen.epoch, steering, record);
  }
}

async function leavePath({ host, record }: End): Promise<void> {
  for (const device of record.lightpath.devices) await detach({ host, device });
}
