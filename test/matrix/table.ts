import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { impossibility } from "./cells.ts";
import { MEANINGS, MOMENTS } from "./moments.ts";
import { type Cell, FAULT_NAMES, type Result } from "./result.ts";
import { resultsOf } from "./results.ts";

export const TABLES_FILE = fileURLToPath(new URL("RESULTS.md", import.meta.url));

/** Writes the tables of what was played. */
export async function writeTables(results: readonly Result[]): Promise<void> {
  await writeFile(TABLES_FILE, tables(results));
}

/** What the cells showed, in Markdown: of each cell only what was played with the code that it was last played with. */
export function tables(results: readonly Result[]): string {
  const head = `| | ${MOMENTS.join(" | ")} |\n|---|${MOMENTS.map(() => "---|").join("")}`;
  const rows = FAULT_NAMES.map((fault) => {
    const cells = MOMENTS.map((moment) => textOf({ fault, moment }, results));
    return `| ${fault} | ${cells.join(" | ")} |`;
  });
  const meanings = MOMENTS.map((moment) => `- **${moment}**: ${MEANINGS[moment]}`);
  return [INTRODUCTION, meanings.join("\n"), [head, ...rows].join("\n"), notes().join("\n"), ""].join("\n\n");
}

const INTRODUCTION = `# What breaks, when, and what becomes of the VM

Written by \`npm run test:faults\` from results.jsonl. Each cell: where the VM ran when the broken move had ended;
whether its clients' TCP session survived; the longest pause of the guest by its own clock, in which the time is contained for
which the test held the moment; the longest write that the guest waited for; what was left until the next \`pulumi up\`, after which
in every cell that passed the VM ran at its new site and nothing was left; how often it passed, of how often it was played
(what failed is told in results.jsonl). A cell that was not played is not known.

A VM that died in a cell that passed did so with the hypervisor that held it, and its disk held every synced write.`;

function textOf(cell: Cell, results: readonly Result[]): string {
  if (impossibility(cell) !== undefined) return `cannot be (${noteNumber(cell)})`;
  const all = resultsOf(results, cell);
  const last = all.at(-1);
  if (last === undefined) return "not played";
  const same = all.filter(({ digest }) => digest === last.digest);
  const passed = same.filter((one) => one.passed);
  const shown = passed.length > 0 ? passed : same;
  const places = unique(shown.map(({ ran }) => WORDS[ran]));
  const left = unique(shown.flatMap((one) => one.left));
  return [
    places.join(" or "),
    ...tcpOf(shown),
    ...figure("pause", shown, ({ longestPauseMs }) => longestPauseMs),
    ...figure("write", shown, ({ longestWriteMs }) => longestWriteMs),
    ...(left.length > 0 ? [`left: ${left.join(", ")}`] : []),
    ...upsOf(shown),
    `${passed.length} of ${same.length}`,
  ].join("; ");
}

const WORDS: Record<Result["ran"], string> = {
  source: "source",
  destination: "destination",
  nowhere: "died",
  paused: "paused until mended",
};

function tcpOf(shown: readonly Result[]): string[] {
  const known = shown.flatMap(({ tcpSurvived }) => (tcpSurvived === undefined ? [] : [tcpSurvived]));
  if (known.length === 0) return [];
  return [`TCP ${unique(known.map((survived) => (survived ? "yes" : "no"))).join(" or ")}`];
}

function figure(name: string, shown: readonly Result[], of: (one: Result) => number | undefined): string[] {
  const known = shown.flatMap((one) => of(one) ?? []);
  return known.length === 0 ? [] : [`${name} ${(Math.max(...known) / 1_000).toFixed(2)} s`];
}

function upsOf(shown: readonly Result[]): string[] {
  const most = Math.max(...shown.map(({ ups }) => ups));
  return most > 1 ? [`up to ${most} further ups`] : [];
}

const unique = <T>(all: readonly T[]): T[] => [...new Set(all)];

function reasons(): string[] {
  const cells = FAULT_NAMES.flatMap((fault) => MOMENTS.map((moment) => ({ fault, moment })));
  return unique(cells.flatMap((cell) => impossibility(cell) ?? []));
}

const noteNumber = (cell: Cell): number => reasons().indexOf(impossibility(cell) ?? "") + 1;
const notes = (): string[] => reasons().map((reason, index) => `(${index + 1}) ${reason}.`);
