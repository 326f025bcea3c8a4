import { randomUUID } from "node:crypto";
import type { Context } from "../context.ts";
import { inMove } from "../correlation.ts";
import { reasonOf } from "../errors.ts";
import { PartialFailure } from "../resource.ts";
import { chooseHost } from "./broker.ts";
import { clearAway } from "./clear-away.ts";
import { clearingsOf } from "./company.ts";
import { alreadyThere, doubled, notFound, notRunning, restless, silence } from "./faults.ts";
import { knownSites } from "./known-sites.ts";
import { type Lease, leased } from "./lease.ts";
import type { End, Move } from "./move.ts";
import {
  type Location,
  type MoveRecord,
  type Observation,
  type PlacementInputs,
  type PlacementState,
  vmOf,
} from "./placement.ts";
import { endRecast, staysRecast } from "./recast-ended.ts";
import { type Prospect, recover } from "./recover.ts";
import { relocate } from "./relocate.ts";
import { tunnelsAt } from "./steer.ts";
import { runningAt, type Sighting, type Whereabouts, whereabouts } from "./whereabouts.ts";

const FIRST_EPOCH = 1;
/** A move that broke off may still commit while it is looked for, once. */
const MOST_LOOKS = 3;

/** Starts the VM at its declared site. Whatever stands there already is somebody's, and is left alone. */
export async function placeVm(context: Context, inputs: PlacementInputs): Promise<PlacementState> {
  const claim = { sites: [inputs.location], purpose: `creates it at ${inputs.site}` };
  return await leased(context, inputs.name, claim, async () => {
    const end = await chooseHost(context, inputs.location, inputs.name);
    const hypervisor = context.hypervisor(end.record.hypervisor);
    if ((await end.host.list(end.place.directory)).length > 0) throw alreadyThere(inputs.name, end);
    try {
      await hypervisor.start(end.place, vmOf(inputs), FIRST_EPOCH);
    } catch (thrown) {
      await hypervisor.remove(end.place, inputs.name).catch(() => undefined);
      throw thrown;
    }
    return stateAt(end, inputs, { state: "running", epoch: FIRST_EPOCH, locations: {} });
  });
}

/**
 * Brings the VM to what is declared now, as its only controller. Looks first where it really is; a move that broke off
 * is cleared up or finished before another begins. Throws PartialFailure if the VM arrived but something could not be
 * given back.
 */
export async function relocateVm(
  context: Context,
  id: string,
  olds: PlacementState,
  news: PlacementInputs,
): Promise<PlacementState> {
  const declared = { ...olds.locations, [news.site]: news.location };
  const sites = await knownSites(context, Object.values(declared), news.name);
  const purpose = olds.site === news.site ? "updates it" : `moves ${olds.site} → ${news.site}`;
  return await leased(context, news.name, { sites, purpose }, async (lease) => {
    if (lease.silent.length > 0) throw silence(news.name, lease.silent);
    const home = await sole(context, sites, news);
    const locations = Object.fromEntries(sites.map((site) => [site.name, site]));
    if (!staysRecast(olds.lightpath, news.lightpath)) await endRecast(context, olds.lightpath, sites);
    if (home.end.location.name === news.site) {
      return stateAt(home.end, news, { ...olds, ...asSeen(home), locations });
    }
    return await moveFrom(context, id, home, news, locations, lease);
  });
}

async function moveFrom(
  context: Context,
  id: string,
  home: Sighting,
  news: PlacementInputs,
  locations: PlacementState["locations"],
  lease: Lease,
): Promise<PlacementState> {
  if (home.seen.kind === "active" && home.seen.run !== "running") throw notRunning(news.name, home);
  const to = await chooseHost(context, news.location, news.name);
  const move: Move = {
    ...{ id: randomUUID(), vm: vmOf(news), labels: news.labels, epoch: home.seen.epoch + 1, from: home.end, to },
    ...{ path: news.lightpath, grant: news.grant, downtimeBudgetMs: news.downtimeBudgetMs },
    ...{ replicas: news.replicas, mode: news.mode },
    warrants: { source: lease.warrantAt(home.end), destination: lease.warrantAt(to) },
  };
  const arrived = stateAt(move.to, news, { state: "running", epoch: move.epoch, locations });
  return await inMove(move.id, async () => {
    let soFar: (() => MoveRecord) | undefined;
    try {
      const lastMove = await relocate(move, context, lease, (record) => {
        soFar = record;
      });
      context.narrator.info(summary(news.name, lastMove));
      return { ...arrived, lastMove };
    } catch (thrown) {
      if (soFar) throw new PartialFailure(id, { ...arrived, lastMove: soFar() }, [reasonOf(thrown)], thrown);
      throw thrown;
    }
  });
}

function asSeen({ seen }: Sighting): Pick<PlacementState, "state" | "epoch"> {
  return { state: seen.run === "dead" ? "stopped" : seen.run, epoch: seen.epoch };
}

/** Looks where the VM really is, at every site it was ever at or sent to. */
export async function observePlacement(context: Context, state: PlacementState): Promise<Observation> {
  const sites = await knownSites(context, Object.values(state.locations), state.name);
  const found = await whereabouts(context, sites, state.name);
  const running = runningAt(found);
  if (running.length > 1) return { kind: "doubled", sites: running };
  const { home, silent } = found;
  if (home) {
    const { end } = home;
    const moved = { site: end.location.name, location: end.location, host: end.record.name };
    const locations = { ...state.locations, [end.location.name]: end.location };
    return { kind: "found", state: { ...state, ...moved, ...asSeen(home), locations } };
  }
  const reason = silent.map((one) => `${one.site}: ${one.reason}`).join("; ");
  return silent.length > 0 ? { kind: "unreachable", reason } : { kind: "gone" };
}

const GOING: Prospect = { purpose: "going", replicas: "wipe" };

/** Ends the VM wherever it is and removes everything of it, at every site it was ever at or sent to. */
export async function removeVm(context: Context, state: PlacementState): Promise<void> {
  const sites = await knownSites(context, Object.values(state.locations), state.name);
  await leased(context, state.name, { sites, purpose: "removes it" }, async (lease) => {
    const reached = sites.filter(({ name }) => !lease.silent.some(({ site }) => site === name));
    const found = await cleared(context, reached, state.name, GOING, () => undefined);
    for (const { end } of found.home ? [found.home] : found.leftovers) {
      await clearAway(context, end, state.name, await tunnelsAt(end), state.keepDisks ? "disks" : "nothing");
    }
    await wipe(context, found.replicas, state.name);
    const silent = [...lease.silent, ...found.silent];
    if (silent.length > 0) throw silence(state.name, silent);
    await endRecast(context, state.lightpath, sites);
  });
}

/** The one place that has the VM, with nothing unfinished elsewhere. */
async function sole(context: Context, sites: readonly Location[], inputs: PlacementInputs): Promise<Sighting> {
  const { name, replicas, grant } = inputs;
  const found = await cleared(context, sites, name, { purpose: "staying", replicas, grant }, (sight) => {
    const running = runningAt(sight);
    if (running.length > 1) throw doubled(name, running);
    if (sight.silent.length > 0) throw silence(name, sight.silent);
  });
  if (!found.home) throw notFound(name, sites);
  // Where the VM has died nothing of it is wiped by itself: it may yet be needed.
  if (replicas === "wipe" && found.home.seen.run !== "dead") await wipe(context, found.replicas, name);
  return found.home;
}

/** What is found once a move that broke off has been cleared up, of which replicas may be left. `admit` throws at a sight that nothing may be done about. */
async function cleared(
  context: Context,
  sites: readonly Location[],
  vmName: string,
  prospect: Prospect,
  admit: (found: Whereabouts) => void,
): Promise<Whereabouts> {
  return await clearingsOf(context).during(async () => {
    for (let looks = 1; looks <= MOST_LOOKS; looks++) {
      const found = await whereabouts(context, sites, vmName);
      admit(found);
      if (!found.home) return found;
      const home = await recover(context, vmName, { ...found, home: found.home }, prospect);
      if (home) return { ...found, home, leftovers: [], replicas: found.replicas.concat(endsOf(found.leftovers)) };
    }
    throw restless(vmName);
  });
}

const endsOf = (sightings: readonly Sighting[]): readonly End[] => sightings.map(({ end }) => end);

async function wipe(context: Context, replicas: readonly End[], vmName: string): Promise<void> {
  for (const end of replicas) await clearAway(context, end, vmName, []);
}

function stateAt(
  end: End,
  inputs: PlacementInputs,
  last: Pick<PlacementState, "state" | "epoch" | "locations" | "lastMove">,
): PlacementState {
  const { move: _, ...declared } = inputs;
  return {
    ...declared,
    ...{ host: end.record.name, state: last.state, epoch: last.epoch },
    ...(last.lastMove === undefined ? {} : { lastMove: last.lastMove }),
    locations: { ...last.locations, [inputs.site]: inputs.location },
  };
}

function summary(vm: string, record: MoveRecord): string {
  const { from, to, mode, blackoutMs, memoryBytes, diskBytes, totalMs, stages } = record;
  const how = mode === "suspended" ? ", suspended" : "";
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const away = blackoutMs === undefined ? "" : ` away for ${blackoutMs} ms;`;
  const parts = Object.entries(stages).map(([stage, ms]) => `${stage} ${(ms / 1000).toFixed(1)} s`);
  const total = (totalMs / 1000).toFixed(1);
  return `${vm} moved ${from} → ${to}${how}:${away} ${mb(memoryBytes)} memory, ${mb(diskBytes)} disk; ${total} s (${parts.join(", ")})`;
}
