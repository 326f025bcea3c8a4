import type { Context } from "../context.ts";
import { inMove } from "../correlation.ts";
import type { TunnelRecord } from "../tunnel/tunnel.ts";
import { clearAway } from "./clear-away.ts";
import { silence } from "./faults.ts";
import { giveBack } from "./give-back.ts";
import { type JournalFile, readJournal, removeJournal, wasBegun } from "./journal.ts";
import { type End, shelfOf } from "./move.ts";
import type { GrantReference, ReplicaChoice } from "./placement.ts";
import { leavePorts } from "./ports.ts";
import { recastAfter } from "./recast-recovered.ts";
import { confirm, tunnelsAt } from "./steer.ts";
import type { Sighting, Whereabouts } from "./whereabouts.ts";

type Found = Whereabouts & { readonly home: Sighting };

/** What is to become of a VM whose move broke off, and of the disks that it left behind. */
export interface Prospect {
  /** Going: it is about to be removed, and nobody is led to it any more. */
  readonly purpose: "staying" | "going";
  readonly replicas: ReplicaChoice;
  /** By which a path that was declared so is re-cast; without one it is put out. */
  readonly grant?: GrantReference | undefined;
}

/**
 * Clears up after a move that broke off, by what is seen and not by what was meant: an arrival that was not
 * committed is refused for good and removed, an older copy becomes a replica or goes, a VM that was left standing
 * still goes on, its clients are led to it, and what the journal says was borrowed is given back. Afterwards the VM has
 * one place, and nothing else of it is left but replicas; resolves with that place as it is then, or with undefined,
 * nothing further changed, if the VM arrived elsewhere while it was looked for: then look again.
 * Rejects, changing nothing further, if a site or domain whose word is needed does not answer.
 */
export async function recover(
  context: Context,
  vmName: string,
  found: Found,
  prospect: Prospect,
): Promise<Sighting | undefined> {
  const { home, leftovers } = found;
  const journals = await Promise.all([home, ...leftovers].map(({ end }) => readJournal(shelfOf(end))));
  const journal = journals.find((one) => one !== undefined);
  if (!journal && leftovers.length === 0) return home;
  if (!journal) return await clearUp(context, found, undefined, prospect.replicas);
  return await inMove(journal.move, () => finish(context, vmName, found, journal, prospect));
}

async function finish(
  context: Context,
  vmName: string,
  found: Found,
  journal: JournalFile,
  { purpose, replicas, grant }: Prospect,
): Promise<Sighting | undefined> {
  const { home, ends } = found;
  context.narrator.info(`clearing up after an unfinished move ${journal.from} → ${journal.to}`);
  requireBothEnds(vmName, journal, ends);
  const now = await clearUp(context, found, journal, replicas);
  if (now === undefined) return undefined;
  if (purpose === "staying" && now.seen.run !== "dead") await lead(context, now);
  const goesOn = purpose === "staying" && (await recastAfter(context, vmName, journal, ends, grant));
  if (!goesOn) await leavePorts(context, ends, home.end, journal);
  await giveBack(context, vmName, goesOn ? { ...journal.borrowed, connection: undefined } : journal.borrowed);
  await removeJournal(shelfOf(home.end));
  return now;
}

/** Without the word of both ends of a move that broke off, nobody knows which one has the VM. */
function requireBothEnds(vmName: string, { from, to }: JournalFile, ends: readonly End[]): void {
  const unasked = [from, to].filter((site) => !ends.some(({ location }) => location.name === site));
  const reason = "a move that broke off names it";
  if (unasked.length === 0) return;
  throw silence(
    vmName,
    unasked.map((site) => ({ site, reason })),
  );
}

async function clearUp(
  context: Context,
  { home, leftovers }: Found,
  journal: JournalFile | undefined,
  replicas: ReplicaChoice,
): Promise<Sighting | undefined> {
  // A tunnel's end may stand where its record was not written yet.
  const tunnels = new Map<string, TunnelRecord>();
  for (const { end } of [home, ...leftovers]) for (const one of await tunnelsAt(end)) tunnels.set(one.name, one);
  for (const leftover of leftovers) {
    if (!(await clear(context, home, leftover, [...tunnels.values()], replicas))) return undefined;
  }
  return await awake(context, home, journal);
}

/** False if it turns out that the VM has arrived there. */
async function clear(
  context: Context,
  home: Sighting,
  { end, seen }: Sighting,
  tunnels: readonly TunnelRecord[],
  replicas: ReplicaChoice,
): Promise<boolean> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const vm = await hypervisor.specOf(home.end.place);
  context.narrator.warn(`ending an unfinished ${seen.kind} copy of ${vm.name} at ${end.location.name}`);
  if (seen.kind === "incoming") {
    // A source that is dead cannot be let go on: the arrival is only to be refused.
    const holder =
      home.seen.run === "dead"
        ? await hypervisor.refuse(end.place, vm)
        : await hypervisor.settle(home.end.place, end.place, vm, true);
    if (holder === "destination") return false;
  }
  // Where the VM has died nothing of it is wiped by itself: it may yet be needed.
  const keeps = replicas === "keep" || home.seen.run === "dead";
  if (keeps && seen.kind === "active") {
    const generation = await hypervisor.generationAt(home.end.place);
    if (generation !== undefined) await hypervisor.retire(end.place, vm, generation);
  }
  await clearAway(context, end, vm.name, tunnels, keeps ? "replica" : "nothing");
  return true;
}

/** A move that broke off may have left the VM paused where it is, or where it arrived, or copying to nowhere. */
async function awake(context: Context, { end, seen }: Sighting, journal: JournalFile | undefined): Promise<Sighting> {
  const hypervisor = context.hypervisor(end.record.hypervisor);
  const vm = await hypervisor.specOf(end.place);
  const copying = journal !== undefined && wasBegun(journal, "migrate") && seen.run === "running";
  if (seen.run === "paused" || copying) await hypervisor.resume(end.place, vm);
  await (seen.run === "dead" ? hypervisor.layToRest(end.place, vm) : hypervisor.settleDisks(end.place, vm));
  const now = await hypervisor.observe(end.place);
  return { end, seen: now.kind === "active" ? now : seen };
}

/** Every gateway points at the VM, and its end of each tunnel stands. */
async function lead(context: Context, { end, seen }: Sighting): Promise<void> {
  const steering = { tunnel: context.tunnel, gateway: context.hosts.open };
  for (const record of await tunnelsAt(end)) {
    await context.tunnel(record.kind).attach(end.host, record, end.record.tunnel.address);
    await confirm(end, seen.epoch, steering, record);
  }
}
