import { z } from "zod";
import { JWT_TOKEN } from "../aaa/oauth.ts";
import { grantRequest, timeWindow } from "../aaa/wire.ts";
import { reserveRequest, segment } from "../lightpath/drac/wire.ts";

/** One side of a domain on a path: a site's port, or any of the links to a neighbour. */
export const side = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("stp"), stp: z.string() }),
  z.strictObject({ kind: z.literal("domain"), domain: z.string() }),
]);

/** The client's, at its home. */
const groups = z.array(z.string().min(1)).max(64).optional();

/** A home domain asks another for its consent, in the name of a client of its own. */
export const consentRequest = grantRequest.extend({
  grant: z.string().min(8).max(64),
  subject: z.string().min(1),
  groups,
  sides: z.tuple([side, side]),
});

/** What the home's client wishes, as the home signs it for one domain on the way: the subject of an exchange (RFC 8693). */
export const wishClaims = z.object({
  iss: z.string(),
  sub: z.string().min(1),
  jti: z.string(),
  authorization_details: z.tuple([grantRequest.extend({ type: z.literal("lightpath-wish"), groups })]),
});

/** What is asked of that domain: its part of the way (RFC 9396). */
export const partWish = z.strictObject({ type: z.literal("lightpath-consent"), sides: z.tuple([side, side]) });

/** Its signed consent, in exchange. */
export const consentResponse = z.looseObject({ access_token: z.string(), issued_token_type: z.literal(JWT_TOKEN) });

export const occupancyRequest = z.strictObject({ ports: z.array(z.string()).max(64), window: timeWindow });
/**
 * What is taken of a domain's ports, and when, as far as it touches the window; by whom is not told. `capacityMbps` is absent
 * where only channels count.
 */
export const occupancy = z.array(
  z.strictObject({
    port: z.string(),
    capacityMbps: z.number().positive().optional(),
    channels: z.int().positive().max(4_096),
    taken: z.array(
      z.strictObject({
        ...{ start: z.iso.datetime(), end: z.iso.datetime() },
        ...{ mbps: z.number().nonnegative(), channel: z.int().nonnegative().max(4_095) },
      }),
    ),
  }),
);

/** A domain's description of itself, signed (JWS); any peer may pass it on. */
export const topologyDocument = z.strictObject({ document: z.string().max(60_000) });
export const topologies = z.array(topologyDocument).max(1_000);

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

export type PartWish = z.output<typeof partWish>;
export type Side = z.output<typeof side>;
export type ConsentRequest = z.output<typeof consentRequest>;
export type Occupancy = z.output<typeof occupancy>;
export type OccupancyRequest = z.output<typeof occupancyRequest>;
export type SegmentModification = z.output<typeof segmentModification>;
export type SegmentRequest = z.output<typeof segmentRequest>;
