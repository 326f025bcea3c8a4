import { z } from "zod";

/** What is shared of a link that is always there: its name, by which moves know that it is the same, and what it carries. */
export const sharedLink = z.strictObject({
  name: z.string().min(1).max(64),
  /** What all moves over it may take together. */
  capacityMbps: z.number().positive(),
});

/** Who is asked for a share of it: nobody but this program. */
export const fixedRecord = z.strictObject({
  kind: z.literal("fixed"),
  link: sharedLink,
  rttMs: z.number().positive(),
});

export type FixedRecord = z.output<typeof fixedRecord>;
