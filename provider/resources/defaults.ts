import { z } from "zod";

function filled(schema: z.core.$ZodType, value: unknown): unknown {
  if (schema instanceof z.ZodDefault) {
    return value === undefined ? schema.def.defaultValue : filled(schema.def.innerType, value);
  }
  if (value === undefined) return undefined;
  if (schema instanceof z.ZodOptional) return filled(schema.def.innerType, value);
  if (schema instanceof z.ZodArray && Array.isArray(value)) {
    return value.map((element) => filled(schema.def.element, element));
  }
  const bag = z.record(z.string(), z.unknown()).safeParse(value);
  if (schema instanceof z.ZodDiscriminatedUnion && bag.success) {
    const fitting = schema.def.options.find((option) => discriminates(option, schema.def.discriminator, bag.data));
    return fitting === undefined ? value : filled(fitting, value);
  }
  return schema instanceof z.ZodObject && bag.success ? withDefaults(schema, bag.data) : value;
}

function discriminates(option: z.core.$ZodType, discriminator: string, value: Record<string, unknown>): boolean {
  if (!(option instanceof z.ZodObject)) return false;
  return z.safeParse(option.def.shape[discriminator] ?? z.never(), value[discriminator]).success;
}

/**
 * Fills in the defaults of a schema without validating: for inputs that cannot be parsed yet because parts of them are
 * unknown. Otherwise a default would look like a change, or even like a reason to replace, in every such preview.
 */
export function withDefaults(schema: z.ZodObject, value: Record<string, unknown>): Record<string, unknown> {
  const entries = Object.entries(schema.def.shape).map(([key, field]) => [key, filled(field, value[key])] as const);
  return { ...value, ...Object.fromEntries(entries.filter(([, content]) => content !== undefined)) };
}
