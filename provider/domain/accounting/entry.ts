import { z } from "zod";
import { timeWindow } from "../../aaa/wire.ts";

/** What a right is for, or what was used of it. */
const scope = {
  subject: z.string(),
  vm: z.string(),
  between: z.tuple([z.string(), z.string()]),
  bandwidthMbps: z.number(),
  window: timeWindow,
};

const grant = z.string();
/** Of the VM, that begins with the move; absent where none is named. */
const epoch = z.int().optional();
/** A connection is known by who coordinates it and its number there. */
const connection = { coordinator: z.string(), connection: z.string() };

/**
 * What a domain accounts for (RFC 2904 calls it the third A): rights given and withheld, and what was made of them.
 * - `grant`, `withheld`: as home of a client, with the domains that agreed, or the reason of the one that did not.
 * - `consent`: to a home domain (perhaps itself), for this domain's part of the way.
 * - `token`, `revocation`: of a grant of this domain; a revocation also of a grant that it consented to. One with a
 *   `token` is of that alone.
 * - `reserved`, `changed`, `lit`, `dark`, `ended`: this domain's part of a connection. `dark` tells how long it was lit
 *   and how much its switch carried meanwhile, both directions together; the bytes are absent where the switch cannot tell.
 * - `joined`: another VM on a connection, by a right of its own.
 * - `refusal`: a request that was turned down, `count` of the same kind from the same caller together.
 */
export const fact = z.discriminatedUnion("event", [
  z.object({ event: z.literal("grant"), grant, ...scope, domains: z.array(z.string()) }),
  z.object({ event: z.literal("withheld"), grant, ...scope, by: z.string(), reason: z.string() }),
  z.object({ event: z.literal("consent"), grant, ...scope, home: z.string() }),
  z.object({ event: z.literal("token"), grant, ...scope, token: z.string(), epoch }),
  z.object({ event: z.literal("revocation"), grant, home: z.string(), token: z.string().optional() }),
  z.object({ event: z.literal("reserved"), grant, ...connection, ...scope }),
  z.object({ event: z.literal("changed"), ...connection, bandwidthMbps: z.number(), window: timeWindow }),
  z.object({ event: z.literal("lit"), ...connection }),
  z.object({ event: z.literal("dark"), ...connection, seconds: z.number(), bytes: z.int().optional() }),
  z.object({ event: z.literal("ended"), ...connection }),
  z.object({ event: z.literal("joined"), grant, ...connection, subject: z.string(), vm: z.string(), epoch }),
  z.object({
    ...{ event: z.literal("refusal"), caller: z.string(), asked: z.string(), error: z.string(), by: z.string() },
    ...{ reason: z.string(), count: z.int().positive() },
  }),
]);

export type Fact = z.output<typeof fact>;

/** A fact at its place in a domain's ledger. */
export const entry = z.strictObject({
  sequence: z.int().positive(),
  /** SHA-256 (hex) of the record before it, as signed; of nothing for the first. */
  previous: z.string().length(64),
  at: z.iso.datetime(),
  domain: z.string(),
  /** The move in whose course it was, if its id was sent. */
  move: z.string().optional(),
  fact,
});

export type Entry = z.output<typeof entry>;

/** `typ` of a record's signature (RFC 7515). */
export const RECORD_TYPE = "turntable-accounting+jws";
