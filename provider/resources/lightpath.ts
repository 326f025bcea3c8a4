import { z } from "zod";
import { pathConstraints, timeWindow } from "../aaa/wire.ts";
import type { Context } from "../context.ts";
import { grantReference } from "../controller/placement.ts";
import { reasonOf, TurntableError } from "../errors.ts";
import { type Connection, connectionState } from "../lightpath/drac/wire.ts";
import type { Properties, Resource } from "../resource.ts";
import { siteEnd } from "./auth-token.ts";
import { sayIfTaken } from "./free-slot.ts";
import { changedInputs, checkInputs, inputsOf, parseKnown, parseRecorded } from "./inputs.ts";
import { giveBackUnlessOver } from "./removal.ts";
import { valueAt } from "./unknowns.ts";

const HOUR_MS = 3_600_000;

/** An end of a reserved path. `siteKey` is the fingerprint of the host key there, to which tokens are bound. */
const pathEnd = siteEnd.extend({ siteKey: z.string().startsWith("SHA256:") });

/** Inputs of a Lightpath: a reservation that moves in either direction light and put out. */
export const lightpathInputs = z.strictObject({
  between: z
    .tuple([pathEnd, pathEnd])
    .refine(([one, other]) => one.stp !== other.stp, "must be two different service termination points"),
  bandwidthMbps: z.number().positive(),
  mtu: z.int().min(576).max(9216).default(9000),
  /** By the clock. Absent: on demand, from now on for `hours`, but no longer than the grant. */
  window: timeWindow.optional(),
  hours: z.number().positive().default(24),
  vm: z.string().min(1),
  /** What its way must keep to; the grant must lead over one that does. */
  constraints: pathConstraints.optional(),
  grant: grantReference,
  /** What becomes of the path between moves: its data plane is put out. */
  afterUse: z.enum(["release"]).default("release"),
});

const lightpathState = z.object({
  ...lightpathInputs.shape,
  connectionId: z.string(),
  state: connectionState,
  /** Domains crossed, in order. */
  hops: z.array(z.string()),
  rttMs: z.number(),
  reserved: timeWindow,
});

type LightpathInputs = z.output<typeof lightpathInputs>;

/** Inputs that a reservation cannot change; the grant may be another, the way it is used too. */
const FIXED = new Set(["between", "bandwidthMbps", "mtu", "window", "hours", "vm", "constraints"]);

function outputs(inputs: LightpathInputs, found: Connection): Properties {
  const { connectionId, state, rttMs, window } = found;
  return { ...inputs, connectionId, state, hops: found.segments.map((part) => part.domain), rttMs, reserved: window };
}

function windowOf({ window, hours, grant }: LightpathInputs): z.output<typeof timeWindow> {
  if (window !== undefined) return window;
  const now = Date.now();
  const start = Math.max(now, Date.parse(grant.window.start));
  const end = Math.min(start + hours * HOUR_MS, Date.parse(grant.window.end));
  if (end <= now) {
    throw new TurntableError("input.invalid", `The grant ${grant.id} ended at ${grant.window.end}`, {
      retry: "never",
      next: "Declare an AuthToken with a later window.",
    });
  }
  return { start: new Date(start).toISOString(), end: new Date(end).toISOString() };
}

async function reserve(context: Context, inputs: LightpathInputs): Promise<Connection> {
  const { between, bandwidthMbps, mtu, vm, grant, constraints } = inputs;
  const window = windowOf(inputs);
  const [from, to] = between;
  const wanted = { from: from.stp, to: to.stp, bandwidthMbps, window, vm };
  const minted = await context.aaa(grant.home).mintToken({ ...wanted, grant: grant.jwt, siteKey: to.siteKey });
  const connection = await context.lightpath(grant.home).reserve({ ...wanted, mtu, constraints }, minted.token);
  context.narrator.info(
    `${vm}: ${bandwidthMbps} Mbps reserved between ${from.name} and ${to.name} until ${window.end} (${connection.connectionId})`,
  );
  return connection;
}

/** The domain that coordinates a reservation: only it can be asked to end it. */
function homeOf({ grant }: Properties): unknown {
  return valueAt(grant, ["home", "name"]);
}

/** Whether a reservation is still somebody's. */
function stands(connection: Connection | undefined): connection is Connection {
  if (connection === undefined) return false;
  switch (connection.state) {
    case "held":
    case "reserved":
    case "provisioned":
      return true;
    case "terminated":
    case "timed-out":
      return false;
  }
}

/** Capacity reserved between two sites. The data plane stays down: a move provisions it and releases it. */
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
      // The old reservation goes first: a second one beside it may be more than the links can carry.
      return {
        changes: changed.length > 0,
        replaces: changed.filter((key) => FIXED.has(key) || (key === "grant" && homeOf(olds) !== homeOf(news))),
        deleteBeforeReplace: true,
      };
    },
    create: async ({ inputs }) => {
      const wanted = parseKnown(lightpathInputs, "The lightpath", inputs);
      const connection = await reserve(context, wanted);
      return { id: connection.connectionId, outs: outputs(wanted, connection) };
    },
    read: async ({ id, props }) => {
      const state = recorded(props);
      const inputs = inputsOf(lightpathInputs, state);
      try {
        const found = await context.lightpath(state.grant.home).query(state.connectionId);
        if (!stands(found)) return { id: undefined, props: {}, inputs: {} };
        return { id, props: outputs(parseRecorded(lightpathInputs, "The recorded lightpath", inputs), found), inputs };
      } catch (thrown) {
        context.narrator.warn(`Lightpath ${id} was not checked and is kept as recorded: ${reasonOf(thrown)}`);
        return { id, props: state, inputs };
      }
    },
    update: async ({ id, olds, news }) => {
      const wanted = parseKnown(lightpathInputs, "The lightpath", news);
      const found = await context.lightpath(recorded(olds).grant.home).query(id);
      if (!stands(found)) {
        throw new TurntableError("lightpath.failed", `The reservation ${id} for ${wanted.vm} is no more`, {
          retry: "never",
          next: "Run `pulumi refresh`, then `pulumi up` again: that makes a new reservation.",
        });
      }
      return { outs: outputs(wanted, found) };
    },
    delete: async ({ id, props }) => {
      const { grant, reserved } = recorded(props);
      const terminate = async () => await context.lightpath(grant.home).terminate(id);
      await giveBackUnlessOver(context, `Reservation ${id}`, reserved.end, terminate);
    },
  };
}
