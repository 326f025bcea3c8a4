import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { writeAtomically } from "../../examples/lab/files.ts";
import { impossibility } from "./cells.ts";
import { isKin } from "./lineage.ts";
import { MEANINGS, MOMENTS } from "./moments.ts";
import { type Cell, FAULT_NAMES, type Result } from "./result.ts";
import { resultsOf } from "./results.ts";

const README = fileURLToPath(new URL("../../README.md", import.meta.url));
const [BEGIN, END] = ["<!-- npm run test:faults -->", "<!-- end -->"];

/** Puts the table of what was played into the README. */
export async function writeTable(results: readonly Result[], file = README): Promise<void> {
  const text = await readFile(file, "utf8");
  const [begin, end] = [text.indexOf(BEGIN), text.indexOf(END)];
  if (begin < 0 || end < begin) throw new Error(`${file} has no place for the table: ${BEGIN} … ${END}`);
  const head = text.slice(0, begin + BEGIN.length);
  await writeAtomically(file, `${head}\n${table(results)}\n${text.slice(end)}`, 0o644);
}

/** What the cells showed, in Markdown: of each cell only what was played with the code that it was last played with, or its kin. */
export function table(results: readonly Result[]): string {
  const head = `| | ${MOMENTS.join(" | ")} |\n|---|${MOMENTS.map(() => "---|").join("")}`;
  const rows = FAULT_NAMES.map((fault) => {
    const cells = MOMENTS.map((moment) => textOf({ fault, moment }, results));
    return `| ${fault} | ${cells.join(" | ")} |`;
  });
  const meanings = MOMENTS.map((moment) => `**${moment}**: ${MEANINGS[moment]}`);
  return [[head, ...rows].join("\n"), `${meanings.join(". ")}.`, ...notes(), origin(results)].join("\n\n");
}

function textOf(cell: Cell, results: readonly Result[]): string {
  if (impossibility(cell) !== undefined) return `cannot be (${noteNumber(cell)})`;
  const same = newest(cell, results);
  if (same.length === 0) return "not played";
  const passed = same.filter((one) => one.passed);
  const shown = passed.length > 0 ? passed : same;
  const left = unique(shown.flatMap((one) => one.left.map(letterOf))).sort();
  return [
    unique(shown.map(({ ran }) => PLACES[ran])).join("/") + tcpOf(shown),
    figuresOf(shown),
    left.join(""),
    upsOf(shown),
    `${passed.length} of ${same.length}`,
  ]
    .filter((part) => part !== "")
    .join("; ");
}

function newest(cell: Cell, results: readonly Result[]): readonly Result[] {
  const all = resultsOf(results, cell);
  return all.filter(({ digest }) => isKin(digest, all.at(-1)?.digest));
}

const PLACES: Record<Result["ran"], string> = { source: "S", destination: "D", nowhere: "†", paused: "‖" };

/** One letter for each kind of thing that a broken move leaves. */
const LETTERS = [
  [/^journal/, "j"],
  [/^files/, "f"],
  [/^QEMU/, "q"],
  [/^pilot/, "p"],
  [/^(stunnel|nbdkit)/, "w"],
  [/^(path|reservation|grant|token)$/, "l"],
] as const;

const letterOf = (left: string): string => LETTERS.find(([pattern]) => pattern.test(left))?.[1] ?? `(${left})`;

function tcpOf(shown: readonly Result[]): string {
  const known = unique(shown.flatMap(({ tcpSurvived }) => tcpSurvived ?? []));
  return known.length === 0 ? "" : known.every((survived) => survived) ? " ✓" : " ✗";
}

function figuresOf(shown: readonly Result[]): string {
  const worst = (of: (one: Result) => number | undefined) => {
    const known = shown.flatMap((one) => of(one) ?? []);
    return known.length === 0 ? undefined : (Math.max(...known) / 1_000).toFixed(1);
  };
  const [pause, write] = [worst(({ longestPauseMs }) => longestPauseMs), worst(({ longestWriteMs }) => longestWriteMs)];
  return pause === undefined && write === undefined ? "" : `${pause ?? "–"}/${write ?? "–"} s`;
}

function upsOf(shown: readonly Result[]): string {
  const most = Math.max(...shown.map(({ ups }) => ups));
  return most > 1 ? `≤ ${most} ups` : "";
}

const unique = <T>(all: readonly T[]): T[] => [...new Set(all)];

function reasons(): string[] {
  const cells = FAULT_NAMES.flatMap((fault) => MOMENTS.map((moment) => ({ fault, moment })));
  return unique(cells.flatMap((cell) => impossibility(cell) ?? []));
}

const noteNumber = (cell: Cell): number => reasons().indexOf(impossibility(cell) ?? "") + 1;
const notes = (): string[] => reasons().map((reason, index) => `(${index + 1}) ${reason}.`);

/** Which code the cells shown were played with. */
function origin(results: readonly Result[]): string {
  const shown = FAULT_NAMES.flatMap((fault) => MOMENTS.flatMap((moment) => newest({ fault, moment }, results)));
  const commits = unique(shown.map(({ commit }) => commit.slice(0, 7)));
  return `Played ${shown.length} times, at commit ${commits.join(", ")}.`;
}
