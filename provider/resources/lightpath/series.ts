import type { Context } from "../../context.ts";
import { isStanding } from "../../lightpath/drac/wire.ts";
import type { Connection, TimeWindow } from "../../lightpath/lightpath.ts";
import { giveBackEach, giveBackUnlessOver } from "../removal.ts";
import type { LightpathInputs, LightpathOutputs, LightpathState, Occurrence } from "./inputs.ts";
import { type Holding, outputsOf, reservedFor, stands, tokenUnder, windowOf, wishOf } from "./reservation.ts";

type Recurrence = NonNullable<LightpathInputs["recurrence"]>;

/** Clocks differ: what is over so shortly before its end, as seen from here, has run out. */
const TOLERANCE_MS = 5_000;

/** The same time again and again: a reservation for each, all of them or none. */
export function seriesOf(recurrence: Recurrence): Holding {
  return {
    reserve: async (context, inputs) => {
      const { grant, mtu, constraints } = inputs;
      const first = windowOf(inputs);
      // Only the domain tells when the last time ends. Under the grant nothing can be later than the grant.
      const all = { start: first.start, end: later(first.end, grant.window.end) };
      const { token } = await tokenUnder(context, grant, inputs, all);
      const request = { reservation: { ...wishOf(inputs, first), mtu, constraints }, recurrence };
      const connections = await context
        .drac(grant.home)
        .reserveSeries(request, token, async (window) => (await tokenUnder(context, grant, inputs, window)).token);
      const occurrences = connections.map(({ connectionId, window, state }) => ({ connectionId, window, state }));
      const until = occurrences.at(-1)?.window.end ?? first.end;
      context.narrator.info(`${reservedFor(inputs)} ${occurrences.length} times, until ${until}`);
      return outputsAmong(connections, occurrences);
    },
    observe: async (context, state) => {
      const { grant, vm, occurrences = [] } = state;
      const seen = await Promise.all(occurrences.map(async (one) => await seenBy(context, grant.home, one)));
      const now = seen.map(({ occurrence }) => occurrence);
      for (const [index, { connectionId, window, lost }] of now.entries()) {
        if (!lost || occurrences[index]?.lost) continue;
        context.narrator.warn(`${vm}: ${connectionId}, reserved ${spelled(window)}, is gone: somebody ended it.`);
      }
      const standing = seen.flatMap(({ found }) => (stands(found) ? [found] : []));
      if (standing.length > 0) return outputsAmong(standing, now);
      if (now.every(({ lost }) => lost)) return undefined;
      context.narrator.warn(`No time of the lightpath of ${vm} is left to come.`);
      return { ...lastOf(state, now), occurrences: now };
    },
    giveBack: async (context, { grant, vm, occurrences = [] }) => {
      const left = occurrences.filter(({ window }) => Date.parse(window.end) > Date.now());
      const end = left.at(-1)?.window.end;
      if (end === undefined) return;
      const terminate = (id: string) => async () => await context.lightpath(grant.home).terminate(id);
      const acts = left.map(
        ({ connectionId, window }) => [`${connectionId} (${spelled(window)})`, terminate(connectionId)] as const,
      );
      await giveBackUnlessOver(context, `The lightpath of ${vm}`, end, () => giveBackEach(new Map(acts)));
    },
  };
}

interface Seen {
  readonly occurrence: Occurrence;
  readonly found: Connection | undefined;
}

/** What the domain says of one of them. What had ended is not asked for again: it ended for ever. */
async function seenBy(context: Context, home: LightpathState["grant"]["home"], recorded: Occurrence): Promise<Seen> {
  if (!isStanding(recorded.state)) return { occurrence: recorded, found: undefined };
  const found = await context.lightpath(home).query(recorded.connectionId);
  const occurrence = { ...recorded, state: found?.state ?? "terminated" };
  const runsOut = Date.parse(recorded.window.end) - TOLERANCE_MS <= Date.now();
  return { occurrence: isStanding(occurrence.state) || runsOut ? occurrence : { ...occurrence, lost: true }, found };
}

/** With what is had of the first that is not over: it goes on now, or is the next. */
function outputsAmong([current]: readonly Connection[], occurrences: Occurrence[]): LightpathOutputs {
  if (current === undefined) throw new Error("a series has at least one time");
  return { ...outputsOf(current), occurrences };
}

/** What was had last, and what became of it. */
function lastOf(state: LightpathState, occurrences: readonly Occurrence[]): LightpathOutputs {
  const { connectionId, carriesMbps, hops, rttMs, reserved } = state;
  const last = occurrences.find((one) => one.connectionId === connectionId);
  return { connectionId, state: last?.state ?? "terminated", carriesMbps, hops, rttMs, reserved };
}

function later(one: string, other: string): string {
  return Date.parse(one) < Date.parse(other) ? other : one;
}

function spelled({ start, end }: TimeWindow): string {
  return `from ${start} to ${end}`;
}
