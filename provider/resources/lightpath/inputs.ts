import { z } from "zod";
import { pathConstraints, timeWindow } from "../../aaa/wire.ts";
import { afterUse, grantReference } from "../../controller/placement.ts";
import { connectionState, recurrence as everyRecurrence } from "../../lightpath/drac/wire.ts";
import { siteEnd } from "../auth-token.ts";
import { holdsUnknown } from "../unknowns.ts";

/** An end of a reserved path. `siteKey` is the fingerprint of the host key there, to which tokens are bound. */
const pathEnd = siteEnd.extend({ siteKey: z.string().startsWith("SHA256:") });

/** How often a reservation comes again. Its zone is looked up here too, so that a preview tells of a misspelt one. */
const [, repeated] = everyRecurrence.options;
const recurrence = repeated.refine(({ timeZone }) => isTimeZone(timeZone), {
  path: ["timeZone"],
  error: "must be a time zone by its IANA name, such as Europe/Amsterdam",
});

/** Inputs of a Lightpath: a reservation that moves in either direction light and put out. */
export const lightpathInputs = z
  .strictObject({
    between: z
      .tuple([pathEnd, pathEnd])
      .refine(([one, other]) => one.stp !== other.stp, "must be two different service termination points"),
    bandwidthMbps: z.number().positive(),
    mtu: z.int().min(576).max(9216).default(9000),
    /** By the clock. Absent: on demand, from now on for `hours`, but no longer than the grant. */
    window: timeWindow.optional(),
    hours: z.number().positive().default(24),
    /** The same time again and again, of which `window` is the first: all of them are reserved, or none. */
    recurrence: recurrence.optional(),
    vm: z.string().min(1),
    /** What its way must keep to; the grant must lead over one that does. */
    constraints: pathConstraints.optional(),
    grant: grantReference,
    /** A second way beside it, which shares none of these with it and no risk group: both are reserved, or neither. */
    protection: z.enum(["links", "domains"]).optional(),
    /** For the second way: over its domains, where it shares none; else where `grant` is not for the rate of both. */
    protectingGrant: grantReference.optional(),
    /** From its first use on, between moves. */
    afterUse,
  })
  .refine(({ afterUse, bandwidthMbps }) => afterUse === "release" || isLess(afterUse.recast, bandwidthMbps), {
    path: ["afterUse", "recast", "bandwidthMbps"],
    error: "must be less than bandwidthMbps, which moves have",
  })
  .refine(({ recurrence, window }) => recurrence === undefined || window !== undefined, {
    path: ["recurrence"],
    error: "needs a window, which is the first time",
  })
  .refine(({ recurrence, protection }) => recurrence === undefined || protection === undefined, {
    path: ["protection"],
    error: "cannot be combined with recurrence: two ways are reserved for one time; declare a Lightpath for each time",
  })
  .refine(({ protection, protectingGrant }) => protection !== "domains" || protectingGrant !== undefined, {
    path: ["protectingGrant"],
    error: 'is required by protection: "domains": a grant is for one way of domains, and the second way is another',
  })
  .refine(({ protection, protectingGrant }) => protection !== undefined || protectingGrant === undefined, {
    path: ["protection"],
    error: "is required where there is a protectingGrant, which is for the second way",
  })
  .refine(({ grant, protectingGrant }) => protectingGrant === undefined || sameDomain(grant, protectingGrant), {
    path: ["protectingGrant", "home"],
    error: "must be the home of the grant: one domain is asked for both ways",
  });

/** One of the times of a series. `lost`: it was ended, by its operator perhaps, before it was over. */
const occurrence = z.object({
  connectionId: z.string(),
  window: timeWindow,
  state: connectionState,
  lost: z.boolean().optional(),
});

const way = {
  connectionId: z.string(),
  state: connectionState,
  /** Now: less than was declared where it was re-cast, or changed by somebody. */
  carriesMbps: z.number(),
  hops: z.array(z.string()),
  rttMs: z.number(),
};

const lightpathOutputs = z.object({
  /** Of a series: of the time that goes on, else of the next one to come. Of two ways: of the working one. */
  ...way,
  reserved: timeWindow,
  /** Every time of a series, in order. */
  occurrences: z.array(occurrence).optional(),
  /** The second of two ways; absent once protection is lost. */
  protecting: z.object(way).optional(),
});

export const lightpathState = z.object({ ...lightpathInputs.shape, ...lightpathOutputs.shape });

export type LightpathInputs = z.output<typeof lightpathInputs>;
export type LightpathOutputs = z.output<typeof lightpathOutputs>;
export type LightpathState = z.output<typeof lightpathState>;
export type Occurrence = z.output<typeof occurrence>;

function isTimeZone(name: string): boolean {
  try {
    return Intl.DateTimeFormat("en", { timeZone: name }) !== undefined;
  } catch {
    return false;
  }
}

function isLess(recast: { readonly bandwidthMbps: number }, bandwidthMbps: number): boolean {
  return holdsUnknown([recast.bandwidthMbps, bandwidthMbps]) || recast.bandwidthMbps < bandwidthMbps;
}

function sameDomain(...grants: readonly z.output<typeof grantReference>[]): boolean {
  const names = grants.map(({ home }) => home.name);
  return holdsUnknown(names) || new Set(names).size === 1;
}
