import type { Token } from "../../aaa/wire.ts";
import type { Context } from "../../context.ts";
import type { GrantReference } from "../../controller/placement.ts";
import { TurntableError } from "../../errors.ts";
import { isStanding } from "../../lightpath/drac/wire.ts";
import type { Connection, TimeWindow } from "../../lightpath/lightpath.ts";
import { giveBackUnlessOver } from "../removal.ts";
import type { LightpathInputs, LightpathOutputs, LightpathState } from "./inputs.ts";

const HOUR_MS = 3_600_000;

/** How a declared lightpath is had of the network: as one reservation, as a series of them, or as two ways. */
export interface Holding {
  /** All of it, or nothing. */
  reserve(context: Context, inputs: LightpathInputs): Promise<LightpathOutputs>;
  /** What the network says of it now. Undefined: it is gone. */
  observe(context: Context, state: LightpathState): Promise<LightpathOutputs | undefined>;
  giveBack(context: Context, state: LightpathState): Promise<void>;
}

/** One reservation. */
export const single: Holding = {
  reserve: async (context, inputs) => {
    const window = windowOf(inputs);
    const { grant, mtu, constraints } = inputs;
    const { token } = await tokenUnder(context, grant, inputs, window);
    const wanted = { ...wishOf(inputs, window), mtu, constraints };
    const connection = await context.lightpath(grant.home).reserve(wanted, token);
    context.narrator.info(`${reservedFor(inputs)} until ${window.end} (${connection.connectionId})`);
    return outputsOf(connection);
  },
  observe: async (context, { grant, connectionId }) => {
    const found = await context.lightpath(grant.home).query(connectionId);
    return stands(found) ? outputsOf(found) : undefined;
  },
  giveBack: async (context, { grant, connectionId, reserved }) => {
    const terminate = async () => await context.lightpath(grant.home).terminate(connectionId);
    await giveBackUnlessOver(context, `Reservation ${connectionId}`, reserved.end, terminate);
  },
};

/** The declared window; on demand, from now on for as long as is declared, but no longer than the grant. */
export function windowOf({ window, hours, grant }: LightpathInputs): TimeWindow {
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

/** What is asked for, whichever way it goes. */
export function wishOf({ between: [from, to], bandwidthMbps, vm }: LightpathInputs, window: TimeWindow) {
  return { from: from.stp, to: to.stp, bandwidthMbps, window, vm };
}

/** A token for one reservation in that window, and no other. */
export async function tokenUnder(
  context: Context,
  grant: GrantReference,
  inputs: LightpathInputs,
  window: TimeWindow,
): Promise<Token> {
  const [, { siteKey }] = inputs.between;
  return await context.aaa(grant.home).mintToken({ ...wishOf(inputs, window), grant: grant.jwt, siteKey });
}

/** For whom what is reserved between whom, as it is told. */
export function reservedFor({ between: [from, to], bandwidthMbps, vm }: LightpathInputs): string {
  return `${vm}: ${bandwidthMbps} Mbps reserved between ${from.name} and ${to.name}`;
}

/** The way of a reservation, and its window. */
export function outputsOf(connection: Connection): LightpathOutputs {
  return { ...wayOf(connection), reserved: connection.window };
}

/** The way of a reservation. */
export function wayOf({ connectionId, state, bandwidthMbps, rttMs, segments }: Connection) {
  return { connectionId, state, carriesMbps: bandwidthMbps, hops: segments.map((part) => part.domain), rttMs };
}

/** Whether a reservation is still somebody's. */
export function stands(connection: Connection | undefined): connection is Connection {
  return connection !== undefined && isStanding(connection.state);
}
