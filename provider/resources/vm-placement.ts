import { randomBytes } from "node:crypto";
import type { Context } from "../context.ts";
import {
  location,
  type PlacementInputs,
  placementInputs,
  placementState,
  type Transition,
} from "../controller/placement.ts";
import { planMove } from "../controller/plan.ts";
import { observePlacement, placeVm, relocateVm, removeVm } from "../controller/vm-verbs.ts";
import type { CheckFailure, CheckResult, Properties, Resource } from "../resource.ts";
import { lacksOf } from "./coverage.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "./inputs.ts";

/** What users declare; `move` is added to it, never declared. */
export const declaredPlacement = placementInputs.omit({ move: true });

/** A record of the last move that another version wrote is not worth refusing the whole state for. */
const recordedPlacement = placementState.extend({ lastMove: placementState.shape.lastMove.catch(undefined) });

/** What cannot be changed in a running VM. A site is not among it: that is what moves are for. */
const NEEDS_NEW_VM = new Set(["name", "image", "disks", "memoryMiB", "vcpus", "network"]);

/** The change of site that these inputs ask for, if the last ones say another. */
function transitionBetween(olds: Properties, news: Properties): Transition | undefined {
  const from = location.safeParse(olds.location);
  const to = location.safeParse(news.location);
  if (!from.success || !to.success || from.data.name === to.data.name) return undefined;
  return {
    from: { name: from.data.name, labels: from.data.labels },
    to: { name: to.data.name, labels: to.data.labels },
  };
}

function check(olds: Properties, news: Properties): CheckResult {
  const { inputs, failures } = checkInputs(declaredPlacement, news);
  const where = location.safeParse(inputs.location);
  const misnamed = where.success && typeof inputs.site === "string" && where.data.name !== inputs.site;
  const contradiction = { property: "site", reason: "must be the name of `location`" };
  const move = transitionBetween(olds, inputs);
  if (move === undefined) return { inputs, failures: misnamed ? [...failures, contradiction] : failures };
  return {
    inputs: { ...inputs, move },
    failures: [...failures, ...(misnamed ? [contradiction] : uncovered(olds, inputs))],
  };
}

/** A grant that the move to come could not be made under. What is not known yet is not judged. */
function uncovered(olds: Properties, news: Properties): readonly CheckFailure[] {
  const from = location.safeParse(olds.location);
  const declared = declaredPlacement.safeParse(news);
  if (!from.success || !declared.success) return [];
  const lacks = lacksOf(declared.data, from.data);
  if (lacks.length === 0) return [];
  const reason = `must cover the move ${from.data.name} → ${declared.data.site}: ${lacks.join("; ")}`;
  return [{ property: "grant", reason }];
}

/** What a changed site would do, for a preview. Unknown values, silent sites and domains leave their part of it out. */
async function announce(context: Context, olds: Properties, news: Properties): Promise<void> {
  const state = recordedPlacement.safeParse(olds);
  const declared = declaredPlacement.safeParse(inputsOf(declaredPlacement, news));
  if (transitionBetween(olds, news) === undefined || !state.success || !declared.success) return;
  const [title, ...lines] = await planMove(context, state.data, declared.data);
  context.narrator.info([title, ...lines.map((line) => `  ${line}`)].join("\n"));
}

function parseDeclared(inputs: Properties): PlacementInputs {
  return parseKnown(placementInputs, "The placement", inputs);
}

/** A VM and the site where it shall run. Another site is an update: the VM moves there while it runs. */
export function vmPlacementResource(context: Context): Resource {
  const recorded = (props: unknown) => parseRecorded(recordedPlacement, "The recorded placement", props);
  return {
    check: async ({ olds, news }) => check(olds, news),
    diff: async ({ olds, news }) => {
      const changed = changedInputs(declaredPlacement, olds, news);
      await announce(context, olds, news);
      const replaces = changed.filter((key) => NEEDS_NEW_VM.has(key));
      return { changes: changed.length > 0, replaces, deleteBeforeReplace: true };
    },
    create: async ({ inputs }) => {
      const wanted = parseDeclared(inputs);
      const outs = await placeVm(context, wanted);
      // Another VM of the same name has another id, so that what was made for the old one is made anew.
      return { id: `${wanted.name}-${randomBytes(4).toString("hex")}`, outs };
    },
    read: async ({ id, props }) => {
      const state = recorded(props);
      const kept = { id, props: state, inputs: inputsOf(declaredPlacement, state) };
      const seen = await observePlacement(context, state);
      switch (seen.kind) {
        case "gone":
          return { id: undefined, props: {}, inputs: {} };
        case "found":
          return { id, props: seen.state, inputs: inputsOf(declaredPlacement, seen.state) };
        case "unreachable":
          context.narrator.warn(`${state.name} was not seen and is kept as recorded: ${seen.reason}`);
          return kept;
        case "doubled":
          context.narrator.warn(
            `${state.name} is found at ${seen.sites.join(" and ")} at once. The record (${state.site}) is kept: find out which one is right before anything else is done.`,
          );
          return kept;
      }
    },
    update: async ({ id, olds, news }) => ({
      outs: await relocateVm(context, id, recorded(olds), parseDeclared(news)),
    }),
    delete: async ({ props }) => {
      await removeVm(context, recorded(props));
    },
  };
}
