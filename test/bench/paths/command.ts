import { Command } from "commander";
import { count } from "../count.ts";
import { LinearTimes } from "./linear.ts";
import { answer, KINDS, type Kind, makeQuestion, type Reply } from "./questions.ts";
import { Random } from "./random.ts";
import { makeWorld } from "./world.ts";

interface Options {
  readonly queries: number;
  readonly compared: number;
  readonly seed: number;
  readonly json?: true;
}

const SIZE = { domains: 200, links: 1_000, reservations: 100_000 };
const BOUND_MS = 50;

/** `bench paths`. */
export function pathsCommand(): Command {
  return new Command("paths")
    .description(
      "How long it takes to find the earliest slot and the best way in it: 200 domains, 1,000 links, 100,000 reservations " +
        "in the calendar. Some of the questions are asked of a plain list of bookings too, and must get the same answers.",
    )
    .option("--queries <n>", "questions of each kind", count, 1_000)
    .option("--compared <n>", "of these, asked of the plain list too", count, 40)
    .option("--seed <n>", "another network, other questions", count, 7)
    .option("--json", "end with one line of JSON")
    .action(paths);
}

function paths({ queries, compared, seed, json }: Options): void {
  const random = new Random(seed);
  const startedAt = performance.now();
  const { network, timetable, bookings } = makeWorld(SIZE, random);
  const madeMs = performance.now() - startedAt;
  console.error(
    `${SIZE.reservations} reservations (${bookings.length} bookings of links) made in ${madeMs.toFixed(0)} ms`,
  );
  const linear = new LinearTimes(bookings);
  const rows = KINDS.map((kind) => {
    const questions = Array.from({ length: queries }, () => makeQuestion(network, random));
    // What is compiled, and looked up once for all, is not what is measured.
    for (const question of questions.slice(0, 100)) answer(network, timetable, question, kind);
    const timed = questions.map((question) => time(() => answer(network, timetable, question, kind)));
    const replies = timed.map(({ reply }) => reply);
    // Beside each other, so that the machine's noise hits both.
    const both = kind === "one way" ? questions.slice(0, compared) : [];
    const pairs = both.map((question) => ({
      fast: time(() => answer(network, timetable, question, kind)),
      plain: time(() => answer(network, linear, question, kind)),
    }));
    const differing = pairs.filter(({ fast, plain }) => JSON.stringify(fast.reply) !== JSON.stringify(plain.reply));
    if (differing.length > 0)
      throw new Error(`${differing.length} answers differ from the plain list's: ${JSON.stringify(differing[0])}`);
    const ratios = pairs.map(({ fast, plain }) => plain.ms / fast.ms);
    return {
      kind,
      ...figures(timed.map(({ ms }) => ms)),
      cpuP99Ms: round(
        quantile(
          timed.map(({ cpuMs }) => cpuMs),
          0.99,
        ),
      ),
      ...told(
        replies,
        questions.map(({ window }) => window.fromMs),
      ),
      ratios,
    };
  });
  const [{ ratios = [] } = {}] = rows;
  const ratio = round(quantile(ratios, 0.5));
  console.log(table(rows));
  console.log(
    `\nPlain list of bookings: ${ratio} times as long (median of ${ratios.length} questions asked of both, same answers).`,
  );
  const slow = rows.filter(({ kind, p99Ms }) => kind === "one way" && p99Ms > BOUND_MS);
  for (const { kind, p99Ms } of slow) console.log(`\nFAULT: ${kind} took ${p99Ms} ms at p99, more than ${BOUND_MS} ms`);
  if (slow.length > 0) process.exitCode = 1;
  if (json) {
    const kinds = rows.map(({ ratios: _, ...row }) => row);
    console.log(
      JSON.stringify({ bench: "paths", seed, ...SIZE, queries, kinds, plainRatio: ratio, compared: ratios.length }),
    );
  }
}

function time(ask: () => Reply) {
  const [startedAt, cpu] = [performance.now(), process.cpuUsage()];
  const reply = ask();
  const ms = performance.now() - startedAt;
  const { user, system } = process.cpuUsage(cpu);
  return { reply, ms, cpuMs: (user + system) / 1_000 };
}

function figures(all: readonly number[]) {
  return { p50Ms: round(quantile(all, 0.5)), p99Ms: round(quantile(all, 0.99)), maxMs: round(quantile(all, 1)) };
}

/** How many were free at once, later, not at all, or left open. */
function told(replies: readonly Reply[], asked: readonly number[]) {
  const found = replies.map(({ startMs }, index) => (startMs === undefined ? undefined : startMs === asked[index]));
  return {
    atOnce: found.filter((now) => now === true).length,
    later: found.filter((now) => now === false).length,
    none: replies.filter(({ kind }) => kind === "none").length,
    undecided: replies.filter(({ kind }) => kind === "undecided").length,
  };
}

function quantile(all: readonly number[], part: number): number {
  const sorted = all.toSorted((one, other) => one - other);
  return sorted[Math.max(0, Math.ceil(sorted.length * part) - 1)] ?? Number.NaN;
}

const round = (value: number): number => Math.round(value * 10) / 10;

function table(
  rows: readonly ({ readonly kind: Kind } & ReturnType<typeof figures> & { readonly cpuP99Ms: number } & ReturnType<
      typeof told
    >)[],
): string {
  const head =
    "| asked for | p50, ms | p99, ms | p99 of processor time, ms | most, ms | free at once | later | not in the window | given up |";
  const lines = rows.map(
    ({ kind, p50Ms, p99Ms, cpuP99Ms, maxMs, atOnce, later, none, undecided }) =>
      `| ${kind} | ${p50Ms} | ${p99Ms} | ${cpuP99Ms} | ${maxMs} | ${atOnce} | ${later} | ${none} | ${undecided} |`,
  );
  return [head, "|---|---|---|---|---|---|---|---|---|", ...lines].join("\n");
}
