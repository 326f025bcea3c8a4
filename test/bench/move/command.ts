import { fileURLToPath } from "node:url";
import { Command, InvalidArgumentError, Option } from "commander";
import { count } from "../count.ts";
import { conditionsNow } from "./conditions.ts";
import { lineOf } from "./json.ts";
import { readmeTables } from "./readme.ts";
import { run } from "./run.ts";
import { Samples } from "./samples.ts";
import { summarize } from "./summary.ts";
import { tables } from "./table.ts";

interface Options {
  readonly moves: number;
  readonly only: RegExp;
  readonly results?: string;
  readonly json?: true;
  readonly table?: true;
}

/** Of the README's tables. */
const KEPT = fileURLToPath(new URL("../results/move.jsonl", import.meta.url));

/** `bench move`. */
export function moveCommand(): Command {
  return new Command("move")
    .description(
      "How long a VM is away while it moves, in a lab at 198 ms and in one at 1 ms: idle and loaded (30 MB/s of memory, " +
        "1 MB/s of disk), encrypted and not, live and suspended, with the controller beside the sites and 100 ms away from them, " +
        "beside plain `virsh migrate` where that is installed, beside one TCP stream, " +
        "and beside the paper's figures. Ten moves of each take an hour and a half.",
    )
    .option("--moves <n>", "moves of each variant", count, 10)
    .addOption(
      new Option("--only <pattern>", 'variants whose name matches, such as "198 ms idle tls" or virsh')
        .argParser(pattern)
        .default(/./, "all"),
    )
    .option("--results <file>", "keep what was measured there, a line each, and go on from what it holds")
    .option("--json", "end with one line of JSON")
    .option("--table", "measure nothing: print the README's tables of what is kept")
    .action(move);
}

async function move({ moves, only, results, json, table }: Options): Promise<void> {
  if (table) {
    console.log(readmeTables(await Samples.open(results ?? KEPT)));
    return;
  }
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stop.abort());
  const say = (line: string) => console.error(line);
  stop.signal.addEventListener("abort", () => say("Stopping: what is under way is ended, then the lab is taken away"));
  const samples = await Samples.open(results);
  await samples.begin(await conditionsNow());
  const failures = await run(samples, { moves, only, stop: stop.signal, say });
  const summary = summarize(samples.all);
  console.log(tables(samples.all, summary));
  const unwell = samples.all.flatMap((one) =>
    one.kind === "move" ? one.faults.map((fault) => `${one.variant}: ${fault}`) : [],
  );
  const faults = [...failures, ...unwell];
  for (const fault of faults) console.log(`\nFAULT: ${fault}`);
  if (faults.length > 0 || stop.signal.aborted) process.exitCode = 1;
  if (json) console.log(JSON.stringify(lineOf(summary)));
}

function pattern(text: string): RegExp {
  try {
    return new RegExp(text);
  } catch (thrown) {
    throw new InvalidArgumentError(thrown instanceof Error ? thrown.message : String(thrown));
  }
}
