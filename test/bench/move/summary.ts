import { type Ratios, ratiosOf } from "./ratios.ts";
import { type Row, rowsOf } from "./rows.ts";
import type { Sample } from "./samples.ts";

export interface Summary {
  readonly rows: readonly Row[];
  readonly ratios: Ratios;
}

/** Whatever can be said of the samples there are. */
export function summarize(samples: readonly Sample[]): Summary {
  const rows = rowsOf(samples);
  return { rows, ratios: ratiosOf(rows, samples) };
}
