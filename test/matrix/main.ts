import { Command, InvalidArgumentError } from "commander";
import { reasonOf } from "../../provider/errors.ts";
import { Player } from "./cell.ts";
import { possibleCells, timesWanted } from "./cells.ts";
import { type Lane, openLane } from "./lane.ts";
import { isKin } from "./lineage.ts";
import { overlong } from "./patience.ts";
import { type Cell, nameOf, type Result } from "./result.ts";
import { addResult, readResults, resultsOf } from "./results.ts";
import { revision } from "./revision.ts";
import { writeTable } from "./table.ts";

interface Options {
  readonly only: readonly string[];
  readonly times?: number;
  readonly lane: number;
  readonly cli?: true;
  readonly table?: true;
  readonly again?: true;
}

/** A busy machine may not let a moment come. */
const MOST_TRIES = 3;

const say = (line: string) => console.log(`${new Date().toISOString().slice(11, 19)} ${line}`);

/** Plays what lacks of the chosen cells, each as often as is wanted; what was played before counts. */
async function main(options: Options): Promise<void> {
  if (options.table) {
    await writeTable(await readResults());
    return;
  }
  const tested = await revision();
  const chosen = possibleCells().filter(
    (cell) => options.only.length === 0 || options.only.some((word) => nameOf(cell).includes(word)),
  );
  if (chosen.length === 0) throw new Error(`no cell is named so: ${options.only.join(", ")}`);
  const earlier = (await readResults()).filter(({ digest }) => isKin(digest, tested.digest));
  const passed = (cell: Cell) => resultsOf(earlier, cell).filter((one) => one.passed).length;
  const wanted = (cell: Cell) => (options.times ?? timesWanted(cell)) - (options.again ? 0 : passed(cell));
  const rounds = Math.max(...chosen.map(wanted));
  const plan = Array.from({ length: Math.max(0, rounds) }, (_, round) => chosen.filter((cell) => wanted(cell) > round));
  say(`${plan.flat().length} to play, of ${chosen.length} cells`);
  await playAll(plan.flat(), options);
  await writeTable(await readResults());
}

async function playAll(cells: readonly Cell[], options: Options): Promise<void> {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
  const driver = options.cli ? "cli" : "direct";
  let bench: { readonly lane: Lane; readonly player: Player } | undefined;
  const open = async () => {
    const lane = await openLane(options.lane, driver);
    return { lane, player: new Player(lane) };
  };
  const close = async () => {
    await bench?.player.clear().catch(() => undefined);
    await bench?.lane.close();
    bench = undefined;
  };
  try {
    for (const cell of cells) {
      for (let tries = 1; tries <= MOST_TRIES && !stop.signal.aborted; tries++) {
        bench ??= await open();
        const played = await play(bench.player, cell, driver);
        if (bench.player.stuck !== undefined) await close();
        if (played) break;
      }
    }
  } finally {
    await close();
  }
}

/** Whether it could be played. */
async function play(player: Player, cell: Cell, driver: Result["driver"]): Promise<boolean> {
  try {
    const tested = await revision();
    const seen = await player.play(cell);
    const failures = [...seen.failures, ...overlong(seen)];
    const passed = failures.length === 0;
    const played: Result = { ...seen, passed, failures, ...tested, driver, at: new Date().toISOString() };
    await addResult(played);
    say(lineOf(played));
    return true;
  } catch (thrown) {
    say(`NOT PLAYED ${nameOf(cell)}: ${reasonOf(thrown)}`);
    return false;
  }
}

function lineOf(played: Result): string {
  const { passed, ran, runs, tcpSurvived, longestPauseMs, longestWriteMs, left, failures, tookMs, said } = played;
  if (!passed) process.exitCode = 1;
  const tcp = tcpSurvived === undefined ? "-" : tcpSurvived ? "yes" : "no";
  const figures = `ran ${ran}, runs ${runs}, tcp ${tcp}, pause ${longestPauseMs ?? "-"} ms, write ${longestWriteMs ?? "-"} ms`;
  const rest = `left ${left.join("+") || "nothing"}; ${(tookMs / 1_000).toFixed(0)} s; said: ${said.slice(0, 300)}`;
  return [
    `${passed ? "ok" : "FAILED"} ${nameOf(played)}: ${figures}, ${rest}`,
    ...failures.map((one) => `    ${one}`),
  ].join("\n");
}

const whole = (text: string) => {
  const number = Number(text);
  if (Number.isInteger(number) && number >= 0) return number;
  throw new InvalidArgumentError("It must be a whole number.");
};

const program = new Command("test:faults")
  .description("Breaks moves in every way at every moment, and judges what became of the VM: the fault matrix.")
  .option(
    "--only <words>",
    'cells whose name has this in it, such as "lightpath cut × disk copy"; may be repeated',
    (word: string, words: readonly string[]) => [...words, word],
    [],
  )
  .option("--times <n>", "how often each; without it 3 times, cells of the switchover 10", whole)
  .option("--lane <n>", "number of the lab to build: two runs side by side need two", whole, 0)
  .option("--cli", "by the real CLI instead of a process that plays the engine's part")
  .option("--again", "whatever was played before with the same code")
  .option("--table", "only write the README's table of what was played")
  .action(main);

try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`test:faults: ${reasonOf(thrown)}`);
  process.exitCode = 1;
}
