import { z } from "zod";
import { reasonOf, TurntableError } from "../../errors.ts";

const header = z.strictObject({ schema: z.literal(1), domain: z.string() });
const line = z.strictObject({ record: z.string() });

/** A ledger on its way to whoever is to check it: each record as signed. Its own word for its domain proves nothing. */
export interface Exported {
  readonly domain: string;
  readonly records: readonly string[];
}

/** Lines of JSON: a header, then the records in order. */
export function exportOf({ domain, records }: Exported): readonly string[] {
  return [{ schema: 1, domain }, ...records.map((record) => ({ record }))].map((line) => JSON.stringify(line));
}

/** Throws input.invalid if the text is no export. */
export function parseExport(text: string, file: string): Exported {
  try {
    const [first = "", ...rest] = text.trim().split("\n");
    const { domain } = header.parse(JSON.parse(first));
    return { domain, records: rest.map((one) => line.parse(JSON.parse(one)).record) };
  } catch (thrown) {
    throw new TurntableError("input.invalid", `${file} is no export of a ledger: ${reasonOf(thrown)}`, {
      ...{ retry: "never", next: "Give a file that `turntable accounting export` made.", cause: thrown },
    });
  }
}
