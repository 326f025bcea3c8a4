import { z } from "zod";
import { pathConstraints, timeWindow } from "../../aaa/wire.ts";

/** NSI's life of a connection: held (times out) → reserved → provisioned ⇄ reserved → terminated. */
export const connectionState = z.enum(["held", "reserved", "provisioned", "terminated", "timed-out"]);

/** Whether what is in that state is still somebody's. */
export function isStanding(state: ConnectionState): boolean {
  switch (state) {
    case "held":
    case "reserved":
    case "provisioned":
      return true;
    case "terminated":
    case "timed-out":
      return false;
  }
}

export const reserveRequest = z.strictObject({
  /** The client's own: a request that was granted is answered again, and done once. */
  requestId: z.uuid().optional(),
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number().positive(),
  mtu: z.int().min(576).max(9216).default(9000),
  window: timeWindow,
  vm: z.string().min(1),
  constraints: pathConstraints.optional(),
});

/** How often a reservation comes again, by the clocks of a zone (IANA: "Europe/Amsterdam"), the first time counted. */
export const recurrence = z.discriminatedUnion("every", [
  z.strictObject({ every: z.literal("once") }),
  z.strictObject({
    every: z.enum(["daily", "weekly", "monthly"]),
    times: z.int().min(2).max(53),
    timeZone: z.string().min(1).max(64),
  }),
]);

/** Several reservations, alike but for their windows. `reservation.window` is the first. */
export const seriesRequest = z.strictObject({ reservation: reserveRequest.omit({ requestId: true }), recurrence });

/** Another rate or end for a connection that is reserved: what is left out stays. The same `requestId` again is done once. */
export const modifyRequest = z
  .strictObject({
    requestId: z.uuid(),
    /** By whose right, of the VMs that use it. */
    vm: z.string().min(1).max(64),
    bandwidthMbps: z.number().positive().optional(),
    end: z.iso.datetime().optional(),
  })
  .refine(({ bandwidthMbps, end }) => bandwidthMbps !== undefined || end !== undefined, "must change something");

/** What one domain contributes: its switch joins two of its ports, on one channel each. */
export const segment = z.strictObject({
  domain: z.string(),
  in: z.strictObject({ port: z.string(), channel: z.int() }),
  out: z.strictObject({ port: z.string(), channel: z.int() }),
});

export const connection = z.strictObject({
  connectionId: z.string(),
  state: connectionState,
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number(),
  mtu: z.int(),
  window: timeWindow,
  vm: z.string(),
  constraints: pathConstraints.optional(),
  /** Only while held. */
  holdExpiresAt: z.iso.datetime().optional(),
  segments: z.array(segment),
  /** Sum of the links' delays, there and back. */
  rttMs: z.number(),
});

const offered = {
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number().positive(),
  constraints: pathConstraints.optional(),
};

/** What a reservation would get, in that window or for as long later; or from now on, for so many minutes. */
export const offerRequest = z.union([
  z.strictObject({ ...offered, minutes: z.int().min(1).max(1440) }),
  z.strictObject({ ...offered, window: timeWindow }),
]);

/** Up to so many ways, the cheapest first, all at the first time at which there is one. */
export const alternativesRequest = z.strictObject({ offer: offerRequest, most: z.int().min(1).max(8) });

/** Two ways for 1+1 protection, at the first time at which there are two. */
export const pairRequest = z.strictObject({
  offer: offerRequest,
  /** What they must not share beside risk groups: links, or domains either (but those at their ends). */
  apart: z.enum(["links", "domains"]),
});

export const offer = z.strictObject({
  /** Domains on the way, in order: each must agree. */
  hops: z.array(z.string()),
  /** Between them, in order, by their names in the topology. */
  links: z.array(z.string()),
  rttMs: z.number(),
  /** Now, or the beginning of the next free slot. */
  startsAt: z.iso.datetime(),
  /** Free over the whole slot on every link of the way; absent where the way has no links. */
  freeMbps: z.number().optional(),
});

export const pairOffer = z.strictObject({
  working: offer,
  protecting: offer,
  /** Whether no other pair costs less together. */
  cheapest: z.boolean(),
});

/** What became of a connection of the caller's: its state, or that it has another rate or end. */
export const notification = z.strictObject({
  connectionId: z.string(),
  what: z.enum([...connectionState.options, "modified"]),
  at: z.iso.datetime(),
});

export type Notification = z.output<typeof notification>;
export type Recurrence = z.output<typeof recurrence>;
export type SeriesRequest = z.output<typeof seriesRequest>;
export type AlternativesRequest = z.output<typeof alternativesRequest>;
export type PairRequest = z.output<typeof pairRequest>;
export type PairOffer = z.output<typeof pairOffer>;
export type OfferRequest = z.output<typeof offerRequest>;
export type Offer = z.output<typeof offer>;
export type ConnectionState = z.output<typeof connectionState>;
export type ReserveRequest = z.output<typeof reserveRequest>;
export type ModifyRequest = z.output<typeof modifyRequest>;
export type Segment = z.output<typeof segment>;
export type Connection = z.output<typeof connection>;
