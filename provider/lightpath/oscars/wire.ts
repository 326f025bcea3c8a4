import { z } from "zod";

/*
 * What is said to OSCARS 1.0 and what it answers, as far as it is looked at. Times are seconds since 1970, rates whole Mbit/s.
 */

const phase = z.enum(["DESIGN", "HELD", "RESERVED", "ARCHIVED"]);
const state = z.enum(["WAITING", "ACTIVE", "FINISHED", "FAILED"]);
const mode = z.enum(["MANUAL", "AUTOMATIC"]);
const validity = z.object({ valid: z.boolean(), message: z.string().nullish() });
const time = z.number().nonnegative();
const mbps = z.int().nonnegative();

/** A body that holds JSON. */
export function json<S extends z.ZodType>(schema: S) {
  const parsed = z.string().transform((text, context): unknown => {
    try {
      return JSON.parse(text);
    } catch {
      context.addIssue({ code: "custom", message: "is no JSON" });
      return z.NEVER;
    }
  });
  return parsed.pipe(schema);
}

/** The id that a connection will have: said as it is. */
export const generatedId = z.string().regex(/^[\w.-]{1,64}$/, "is no connection's id");

export const interval = z.strictObject({ beginning: time, ending: time });

export const pathsRequest = z.strictObject({
  interval,
  ...{ a: z.string(), z: z.string(), azBw: mbps, zaBw: mbps },
  ...{ include: z.array(z.string()), exclude: z.array(z.string()) },
});

const path = z.object({
  cost: z.number(),
  azEro: z.array(z.object({ urn: z.string() })),
  ...{ azAvailable: z.int(), zaAvailable: z.int() },
});

/** Absent: there is none. */
export const pathsAnswer = z.object({ fits: path.nullish() });

/** What is free at each port, by its name. */
export const availableAnswer = z.record(
  z.string(),
  z.object({
    vlanRanges: z.array(z.object({ floor: z.int(), ceiling: z.int() })),
    ...{ ingressBandwidth: z.int(), egressBandwidth: z.int() },
  }),
);

export const holdRequest = z.strictObject({
  connectionId: z.string(),
  ...{ begin: time, end: time, description: z.string(), username: z.string() },
  ...{ mode, phase, state, tags: z.array(z.never()), connection_mtu: z.int() },
  junctions: z.array(z.strictObject({ device: z.string() })),
  fixtures: z.array(
    z.strictObject({
      ...{ junction: z.string(), port: z.string(), vlan: z.int() },
      ...{ inMbps: mbps, outMbps: mbps, strict: z.boolean() },
    }),
  ),
  pipes: z.array(
    z.strictObject({
      ...{ a: z.string(), z: z.string(), azMbps: mbps, zaMbps: mbps },
      ...{ ero: z.array(z.string()), exclude: z.array(z.string()), pceMode: z.literal("BEST"), protect: z.boolean() },
    }),
  ),
});

/** It is held even where it turned out to be invalid. */
export const holdAnswer = z.object({ connectionId: z.string(), heldUntil: time, validity: validity.nullish() });

export const changeAnswer = z.object({ what: z.string(), phase: phase.nullish() });

/** Told in full where it is named first, by its id elsewhere. */
const schedule = z.union([z.string(), z.object({ beginning: time, ending: time })]);

const part = z.object({
  cmp: z.object({
    junctions: z.array(z.object({ deviceUrn: z.string(), schedule })),
    fixtures: z.array(
      z.object({ portUrn: z.string(), ingressBandwidth: mbps, vlan: z.object({ vlanId: z.int() }), schedule }),
    ),
  }),
  schedule,
});

/** A connection, in whichever phase. */
export const infoAnswer = z.object({
  connectionId: z.string(),
  ...{ phase, mode, state, description: z.string(), connection_mtu: z.int() },
  ...{ held: part.nullish(), reserved: part.nullish(), archived: part.nullish() },
});

export const listAnswer = z.object({ connections: z.array(infoAnswer) });
export const heldAnswer = z.array(z.object({ connectionId: z.string() }));
export const modifyAnswer = z.object({ success: z.boolean(), explanation: z.string().nullish() });
/** What the routers are being told; null when nothing is. */
export const workAnswer = z.object({ work: z.string().nullish() });

export type HoldRequest = z.output<typeof holdRequest>;
export type Info = z.output<typeof infoAnswer>;
export type Available = z.output<typeof availableAnswer>;
