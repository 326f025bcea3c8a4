import { readFile } from "node:fs/promises";
import { z } from "zod";
import { reasonOf, TurntableError } from "../../errors.ts";

/** What a file (JSON) holds. Rejects with input.invalid that names the file and all that is wrong. */
export async function readJson<T>(file: string, schema: z.ZodType<T>): Promise<T> {
  return parseAs(await read(file), schema, file);
}

/** `where` names it in the message of input.invalid. */
export function parseAs<T>(value: unknown, schema: z.ZodType<T>, where: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  throw invalid(where, z.prettifyError(parsed.error), undefined);
}

async function read(file: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(file, "utf8"));
  } catch (thrown) {
    throw invalid(file, reasonOf(thrown), thrown);
  }
}

function invalid(where: string, reason: string, cause: unknown): TurntableError {
  return new TurntableError("input.invalid", `${where} cannot be used: ${reason}`, {
    ...{ retry: "never", next: "`turntable help policy test` tells its form.", cause },
  });
}
