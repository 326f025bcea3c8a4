import { z } from "zod";

/** Text of an element that is not longer than any name or sentence has reason to be. */
export const text = z.string().max(4_096);
/** Text that says something. */
export const named = text.min(1);

/** xsd:boolean. */
export const flag = z.codec(z.enum(["true", "false", "1", "0"]), z.boolean(), {
  decode: (written) => written === "true" || written === "1",
  encode: (value) => (value ? "true" : "false"),
});

/** xsd:int and xsd:long, as far as they count something. */
export const whole = z.codec(z.string().regex(/^\s*\+?\d{1,15}\s*$/, "must be a whole number"), z.int().nonnegative(), {
  decode: (written) => Number(written),
  encode: (value) => String(value),
});

/** xsd:dateTime, as it was written: what is sent back shall be what came. */
export const dateTime = z.iso.datetime({ offset: true, local: true });

const list = z.codec(z.unknown(), z.array(z.unknown()), {
  decode: (found) => (Array.isArray(found) ? found : [found]),
  encode: (all) => all,
});

/** An element that may stand any number of times. */
export function many<S extends z.ZodType>(item: S) {
  return list.pipe(z.array(item).max(1_000)).optional();
}

const emptied = z.codec(z.unknown(), z.unknown(), {
  decode: (found) => (found === "" ? {} : found),
  encode: (content) => content,
});

/** An element all of whose content may be left out: one that is empty is one without. */
export function perhaps<S extends z.ZodType>(content: S) {
  return emptied.pipe(content);
}

/** An element of which only its being there says something. */
export const empty = z.codec(z.unknown(), z.strictObject({}), { decode: () => ({}), encode: (): unknown => "" });

/** An element that may be empty though its content is not. */
export function orEmpty<S extends z.ZodType>(content: S) {
  return z.union([z.literal(""), content]);
}
