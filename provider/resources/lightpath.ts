import type { Context } from "../context.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import type { Properties, Resource } from "../resource.ts";
import { sayIfTaken } from "./free-slot.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "./inputs.ts";
import { type LightpathInputs, lightpathInputs, lightpathState } from "./lightpath/inputs.ts";
import { protectedBy } from "./lightpath/protection.ts";
import { type Holding, single } from "./lightpath/reservation.ts";
import { seriesOf } from "./lightpath/series.ts";
import { valueAt } from "./unknowns.ts";

/** Inputs that a reservation cannot change; the grant may be another, the way it is used too. */
const FIXED = new Set([
  ...["between", "bandwidthMbps", "mtu", "window", "hours", "recurrence", "vm", "constraints", "protection"],
]);

/** The domain that coordinates a reservation: only it can be asked to end it. */
function homeOf({ grant }: Properties): unknown {
  return valueAt(grant, ["home", "name"]);
}

function holdingOf({ recurrence, protection }: Pick<LightpathInputs, "recurrence" | "protection">): Holding {
  if (recurrence !== undefined) return seriesOf(recurrence);
  return protection === undefined ? single : protectedBy(protection);
}

/** Capacity reserved between two sites. Only moves change its data plane: up for one, and down or less after it. */
export function lightpathResource(context: Context): Resource {
  const recorded = (props: unknown) => parseRecorded(lightpathState, "The recorded lightpath", props);
  return {
    check: async ({ olds, news }) => {
      const checked = checkInputs(lightpathInputs, news);
      const another = changedInputs(lightpathInputs, olds, checked.inputs).some((key) => FIXED.has(key));
      if (checked.failures.length === 0 && another) await sayIfTaken(context, checked.inputs);
      return checked;
    },
    diff: async ({ olds, news }) => {
      const changed = changedInputs(lightpathInputs, olds, news);
      const elsewhere = homeOf(olds) !== homeOf(news);
      const replaces = changed.filter((key) => FIXED.has(key) || (key === "grant" && elsewhere));
      const unprotected = news.protection !== undefined && olds.protecting === undefined;
      // The old reservation goes first: a second one beside it may be more than the links can carry.
      return {
        changes: changed.length > 0 || unprotected,
        replaces: unprotected ? [...replaces, "protecting"] : replaces,
        deleteBeforeReplace: true,
      };
    },
    create: async ({ inputs }) => {
      const wanted = parseKnown(lightpathInputs, "The lightpath", inputs);
      const outputs = await holdingOf(wanted).reserve(context, wanted);
      return { id: outputs.connectionId, outs: { ...wanted, ...outputs } };
    },
    read: async ({ id, props }) => {
      const state = recorded(props);
      const inputs = inputsOf(lightpathInputs, state);
      try {
        const found = await holdingOf(state).observe(context, state);
        if (found === undefined) return { id: undefined, props: {}, inputs: {} };
        return { id, props: { ...inputs, ...found }, inputs };
      } catch (thrown) {
        context.narrator.warn(`Lightpath ${id} was not checked and is kept as recorded: ${reasonOf(thrown)}`);
        return { id, props: state, inputs };
      }
    },
    update: async ({ id, olds, news }) => {
      const wanted = parseKnown(lightpathInputs, "The lightpath", news);
      const found = await holdingOf(wanted).observe(context, recorded(olds));
      if (found === undefined) {
        throw new TurntableError("lightpath.failed", `The reservation ${id} for ${wanted.vm} is no more`, {
          retry: "never",
          next: "Run `pulumi refresh`, then `pulumi up` again: that makes a new reservation.",
        });
      }
      return { outs: { ...wanted, ...found } };
    },
    delete: async ({ props }) => {
      const state = recorded(props);
      await holdingOf(state).giveBack(context, state);
    },
  };
}
