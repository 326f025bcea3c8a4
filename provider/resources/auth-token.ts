import { z } from "zod";
import { domainRecord } from "../aaa/domain-record.ts";
import { encryption, factsFor, grantStatus, labels, pathConstraints, timeWindow } from "../aaa/wire.ts";
import type { Context } from "../context.ts";
import { reasonOf } from "../errors.ts";
import type { Resource } from "../resource.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "./inputs.ts";
import { giveBackUnlessOver } from "./removal.ts";

/** An end of a lightpath: a site's name for messages, and the port of the network where it hangs. */
export const siteEnd = z.strictObject({ name: z.string().min(1), stp: z.string().startsWith("urn:ogf:network:") });
const labelledEnd = siteEnd.extend({ labels: labels.optional() });

/** Inputs of an AuthToken: what shall be granted, and which domain is asked first. */
export const authTokenInputs = z.strictObject({
  between: z
    .tuple([labelledEnd, labelledEnd])
    .refine(([one, other]) => one.stp !== other.stp, "must be two different service termination points"),
  bandwidthMbps: z.number().positive(),
  window: timeWindow,
  vm: z.string().min(1),
  /** The VM's, which domains' policies may ask for. */
  labels: labels.optional(),
  /** What the moves will send memory and disk in: "tls" binds them to it. Absent: nothing is said to the domains. */
  encryption: encryption.optional(),
  /** Of the way over which it goes. */
  constraints: pathConstraints.optional(),
  home: domainRecord,
});

const authTokenState = z.object({
  ...authTokenInputs.shape,
  grantId: z.string(),
  /** Secret. */
  grant: z.string(),
  domains: z.array(z.string()),
  state: grantStatus.shape.state,
});

/**
 * Consent given ahead by every domain between two sites. Each move mints its own short token under it, which enters no state.
 * Nothing about a grant can be changed: other inputs make another grant, and the old one is revoked.
 */
export function authTokenResource(context: Context): Resource {
  const recorded = (props: unknown) => parseRecorded(authTokenState, "The recorded grant", props);
  return {
    check: async ({ news }) => checkInputs(authTokenInputs, news),
    diff: async ({ olds, news }) => {
      const changed = changedInputs(authTokenInputs, olds, news);
      // Expiry alone is no change: a grant that has ended is renewed by declaring another window.
      const replaces = olds.state === "revoked" ? [...changed, "state"] : changed;
      return { changes: replaces.length > 0, replaces, deleteBeforeReplace: false };
    },
    create: async ({ inputs }) => {
      const wanted = parseKnown(authTokenInputs, "The grant", inputs);
      const [one, other] = wanted.between;
      const { bandwidthMbps, window, vm, encryption, constraints, home } = wanted;
      const granted = await context.aaa(home).requestGrant({
        ...{ between: [one.stp, other.stp], bandwidthMbps, window, vm, encryption, constraints },
        ...factsFor(wanted.labels ?? {}, [one.labels ?? {}, other.labels ?? {}]),
      });
      context.narrator.info(
        `${vm}: ${granted.domains.join(", ")} agree to ${bandwidthMbps} Mbps between ${one.name} and ${other.name} until ${granted.window.end}`,
      );
      const { id, jwt, domains } = granted;
      return { id, outs: { ...wanted, grantId: id, grant: jwt, domains, state: "active" } };
    },
    read: async ({ id, props }) => {
      const state = recorded(props);
      const inputs = inputsOf(authTokenInputs, state);
      try {
        const status = await context.aaa(state.home).grantStatus(state.grantId);
        if (status === undefined) return { id: undefined, props: {}, inputs: {} };
        if (status.state !== "active") context.narrator.warn(`Grant ${id} for ${state.vm} is ${status.state}.`);
        return { id, props: { ...state, state: status.state }, inputs };
      } catch (thrown) {
        context.narrator.warn(`Grant ${id} was not checked and is kept as recorded: ${reasonOf(thrown)}`);
        return { id, props: state, inputs };
      }
    },
    // Every change replaces, so what comes here has only a new shell.
    update: async ({ olds }) => ({ outs: recorded(olds) }),
    delete: async ({ props }) => {
      const state = recorded(props);
      const revoke = async () => await context.aaa(state.home).revokeGrant(state.grantId);
      await giveBackUnlessOver(context, `Grant ${state.grantId}`, state.window.end, revoke);
    },
  };
}
