import { z } from "zod";
import { timeWindow } from "../../aaa/wire.ts";

/** NSI's life of a connection: held (times out) → reserved → provisioned ⇄ reserved → terminated. */
export const connectionState = z.enum(["held", "reserved", "provisioned", "terminated", "timed-out"]);

export const reserveRequest = z.strictObject({
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number().positive(),
  mtu: z.int().min(576).max(9216).default(9000),
  window: timeWindow,
  vm: z.string().min(1),
});

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
  /** Only while held. */
  holdExpiresAt: z.iso.datetime().optional(),
  segments: z.array(segment),
  /** Sum of the links' delays, there and back. */
  rttMs: z.number(),
});

/** What a reservation from now on, for so long, would get. */
export const offerRequest = z.strictObject({
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number().positive(),
  minutes: z.int().min(1).max(1440),
});

export const offer = z.strictObject({
  /** Domains on the way, in order: each must agree. */
  hops: z.array(z.string()),
  rttMs: z.number(),
  /** Now, or the beginning of the next free slot. */
  startsAt: z.iso.datetime(),
  /** Free over the whole slot on every link of the way; absent where the way has no links. */
  freeMbps: z.number().optional(),
});

export type OfferRequest = z.output<typeof offerRequest>;
export type Offer = z.output<typeof offer>;
export type ConnectionState = z.output<typeof connectionState>;
export type ReserveRequest = z.output<typeof reserveRequest>;
export type ModifyRequest = z.output<typeof modifyRequest>;
export type Segment = z.output<typeof segment>;
export type Connection = z.output<typeof connection>;
