import type { Statistics } from "./statistics.ts";

/** Of one line of a table. */
export type Cells = readonly string[];

/** A table in Markdown; says so if there is nothing in it. */
export function table(head: Cells, rows: readonly Cells[]): string {
  if (rows.length === 0) return "(nothing measured)";
  const line = (cells: Cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}

/** "128 / 129.4 (120–141)": median, mean, smallest and largest; one figure where all are the same. */
export function told({ min, median, mean, max }: Statistics): string {
  return min === max ? String(median) : `${median} / ${mean} (${min}–${max})`;
}

/** 10^6 bytes. */
export const megabytes = (bytes: number | undefined): string => (bytes === undefined ? "–" : (bytes / 1e6).toFixed(1));
