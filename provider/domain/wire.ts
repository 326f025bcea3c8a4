import { z } from "zod";
import { grantRequest, timeWindow } from "../aaa/wire.ts";
import { reserveRequest, segment } from "../lightpath/drac/wire.ts";

/** One side of a domain on a path: a site's port, or any of the links to a neighbour. */
export const side = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("stp"), stp: z.string() }),
  z.strictObject({ kind: z.literal("domain"), domain: z.string() }),
]);

/** A home domain asks another for its consent, in the name of a client of its own. */
export const consentRequest = grantRequest.extend({
  grant: z.string().min(8).max(64),
  subject: z.string().min(1),
  /** The client's, at its home. */
  groups: z.array(z.string().min(1)).max(64).optional(),
  sides: z.tuple([side, side]),
});
export const consent = z.strictObject({ consent: z.string() });

export const availabilityRequest = z.strictObject({ ports: z.array(z.string()).max(64), window: timeWindow });
/** What is left at a domain's ports over the whole window. `freeMbps` is absent where only channels count. */
export const availability = z.array(
  z.strictObject({ port: z.string(), freeMbps: z.number().optional(), freeChannels: z.array(z.int()) }),
);

/** A coordinator asks a domain to hold its part of a connection. */
export const segmentRequest = z.strictObject({
  connectionId: z.string().min(8).max(64),
  reservation: reserveRequest,
  segment,
});
export const segmentHeld = z.strictObject({ holdExpiresAt: z.iso.datetime() });

/** A coordinator asks a domain to hold a new version of its part of a connection, which goes on as it is meanwhile. */
export const segmentModification = z.strictObject({
  request: z.uuid(),
  vm: z.string().min(1).max(64),
  bandwidthMbps: z.number().positive(),
  endMs: z.int(),
});

export type Side = z.output<typeof side>;
export type ConsentRequest = z.output<typeof consentRequest>;
export type Availability = z.output<typeof availability>;
export type AvailabilityRequest = z.output<typeof availabilityRequest>;
export type SegmentModification = z.output<typeof segmentModification>;
export type SegmentRequest = z.output<typeof segmentRequest>;
