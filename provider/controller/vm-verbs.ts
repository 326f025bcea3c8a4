import { randomUUID } from "node:crypto";
import type { DomainRecord } from "../aaa/domain-record.ts";
import type { Context } from "../context.ts";
import { inMove } from "../correlation.ts";
import { reasonOf } from "../errors.ts";
import { PartialFailure } from "../resource.ts";
import { chooseHost } from "./broker.ts";
import { clearAway } from "./clear-away.ts";
import { alreadyThere, doubled, notFound, notRunning, silence } from "./faults.ts";
import type { End, Move } from "./move.ts";
import {
  type Location,
  type MoveRecord,
  type Observation,
  type PlacementInputs,
  type PlacementState,
  vmOf,
} from "./placement.ts";
import { recover } from "./recover.ts";
import { relocate } from "./relocate.ts";
import { tunnelsAt } from "./steer.ts";
import { runningAt, type Sighting, whereabouts } from "./whereabouts.ts";

const FIRST_EPOCH = 1;

/** Starts the VM at its declared site. Whatever stands there already is somebody's, and is left alone. */
export async function placeVm(context: Context, inputs: PlacementInputs): Promise<PlacementState> {
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
}

/**
 * Brings the VM to what is declared now. Looks first where it really is; a move that broke off is cleared up or
 * finished before another begins. Throws PartialFailure if the VM arrived but something could not be given back.
 */
export async function relocateVm(
  context: Context,
  id: string,
  olds: PlacementState,
  news: PlacementInputs,
): Promise<PlacementState> {
  const locations = { ...olds.locations, [news.site]: news.location };
  const home = await sole(context, Object.values(locations), news);
  if (home.end.location.name === news.site) {
    return stateAt(home.end, news, { ...olds, ...asSeen(home), locations });
  }
  if (home.seen.kind === "active" && home.seen.run !== "running") throw notRunning(news.name, home);
  const move: Move = {
    ...{ id: randomUUID(), vm: vmOf(news), epoch: home.seen.epoch + 1 },
    ...{ from: home.end, to: await chooseHost(context, news.location, news.name) },
    ...{ path: news.lightpath, grant: news.grant, downtimeBudgetMs: news.downtimeBudgetMs },
    replicas: news.replicas,
  };
  const arrived = stateAt(move.to, news, { state: "running", epoch: move.epoch, locations });
  return await inMove(move.id, async () => {
    let soFar: (() => MoveRecord) | undefined;
    try {
      const lastMove = await relocate(move, context, (record) => {
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

/** Looks where the VM really is, at every site it was ever at. */
export async function observePlacement(context: Context, state: PlacementState): Promise<Observation> {
  const found = await whereabouts(context, Object.values(state.locations), state.name);
  const running = runningAt(found);
  if (running.length > 1) return { kind: "doubled", sites: running };
  const { home, silent } = found;
  if (home) {
    const { end } = home;
    const moved = { site: end.location.name, location: end.location, host: end.record.name };
    return { kind: "found", state: { ...state, ...moved, ...asSeen(home) } };
  }
  const reason = silent.map((one) => `${one.site}: ${one.reason}`).join("; ");
  return silent.length > 0 ? { kind: "unreachable", reason } : { kind: "gone" };
}

/** Ends the VM wherever it is and removes everything of it, at every site it was ever at. */
export async function removeVm(context: Context, state: PlacementState): Promise<void> {
  const found = await whereabouts(context, Object.values(state.locations), state.name);
  if (found.home) await recover(context, { ...found, home: found.home }, domainsOf(state), "wipe");
  for (const { end } of found.home ? [found.home] : found.leftovers) {
    await clearAway(context, end, state.name, await tunnelsAt(end), state.keepDisks ? "disks" : "nothing");
  }
  await wipe(context, found.replicas, state.name);
  if (found.silent.length > 0) throw silence(state.name, found.silent);
}

/** The one place that has the VM, with nothing unfinished elsewhere. */
async function sole(context: Context, locations: readonly Location[], inputs: PlacementInputs): Promise<Sighting> {
  const found = await whereabouts(context, locations, inputs.name);
  const running = runningAt(found);
  if (running.length > 1) throw doubled(inputs.name, running);
  if (found.silent.length > 0) throw silence(inputs.name, found.silent);
  if (!found.home) throw notFound(inputs.name, locations);
  if (inputs.replicas === "wipe") await wipe(context, found.replicas, inputs.name);
  const domains = domainsOf({ ...inputs, locations });
  return await recover(context, { ...found, home: found.home }, domains, inputs.replicas);
}

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

/** Every domain that may have lent something for this VM. */
function domainsOf({ locations, lightpath, grant }: DomainSources): readonly DomainRecord[] {
  const asked = lightpath.kind === "fixed" ? undefined : lightpath.home;
  return [...Object.values(locations).map(({ domain }) => domain), asked, grant?.home].filter(
    (one) => one !== undefined,
  );
}

type DomainSources = Pick<PlacementState, "lightpath" | "grant"> & {
  readonly locations: PlacementState["locations"] | readonly Location[];
};

function summary(vm: string, { from, to, blackoutMs, memoryBytes, diskBytes, totalMs, stages }: MoveRecord): string {
  const mb = (bytes: number) => `${(bytes / 1e6).toFixed(1)} MB`;
  const away = blackoutMs === undefined ? "" : ` away for ${blackoutMs} ms;`;
  const parts = Object.entries(stages).map(([stage, ms]) => `${stage} ${(ms / 1000).toFixed(1)} s`);
  const total = (totalMs / 1000).toFixed(1);
  return `${vm} moved ${from} → ${to}:${away} ${mb(memoryBytes)} memory, ${mb(diskBytes)} disk; ${total} s (${parts.join(", ")})`;
}
