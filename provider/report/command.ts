import { mkdir, writeFile } from "node:fs/promises";
import path from "node:path";
import { Command, Option } from "commander";
import { TurntableError } from "../errors.ts";
import type { ReportInput } from "./input.ts";
import { moveInFile, movesInStack, type Source } from "./source.ts";

/** Where reports go unless it is said: beneath the current folder. */
export const REPORTS = "reports";

interface Options {
  readonly stack?: string;
  readonly input?: string;
  readonly output?: string;
}

/** `turntable report`: a page for each move. */
export function reportCommand(): Command {
  return new Command("report")
    .summary("write a page that tells how a move went")
    .description(
      "Write one HTML page per move, which needs nothing but itself: how long the VM was away, stage by stage, beside the paper's figures. Prints the path of each page.",
    )
    .addOption(
      new Option("--stack <dir>", "the Pulumi project whose stack's outputs hold the moves (default: this folder)"),
    )
    .addOption(new Option("--input <file>", "the move as JSON, with what was observed from outside").conflicts("stack"))
    .option("--output <file>", `where to write it (default: ${REPORTS}/VM-FROM-TO-EPOCH.html)`)
    .addHelpText(
      "after",
      `
The moves are the records (lastMove) that the stack's outputs hold, or the one
in a file: {"schema": 1, "vm": "web", "move": {…a record…}, "observed": {…}}.

Example: pulumi up && turntable report
Exit status: 0 when all went well, else 1, with the reason on standard error.`,
    )
    .action(async (options: Options) => {
      for (const file of await report(options)) process.stdout.write(`${file}\n`);
    });
}

/** Writes the pages and resolves with their absolute paths. Throws input.invalid if there is no move, or one too many. */
async function report({ stack = ".", input, output }: Options): Promise<string[]> {
  const sources = input === undefined ? await movesInStack(path.resolve(stack)) : [await moveInFile(input)];
  if (output === undefined) return await Promise.all(sources.map((source) => writeReport(REPORTS, source)));
  const [source] = sources;
  if (source === undefined || sources.length > 1) {
    throw new TurntableError("input.invalid", `${sources.length} moves do not fit into one page`, {
      ...{ retry: "never", next: `Leave --output out: each gets a page of its own in ${REPORTS}/.` },
    });
  }
  return [await write(output, source.input)];
}

/** Writes the page of a move into a folder, named after it, and resolves with its absolute path. */
export async function writeReport(folder: string, { name, input }: Source): Promise<string> {
  const { from, to, epoch } = input.move;
  const parts = [name, from, to, String(epoch)].map(fileName).filter((part) => part !== "");
  return await write(path.join(folder, `${parts.join("-")}.html`), input);
}

async function write(file: string, input: ReportInput): Promise<string> {
  await mkdir(path.dirname(file), { recursive: true });
  // Loaded only now: what draws the charts takes longer to load than all other commands together.
  const { pageOf } = await import("./page.ts");
  await writeFile(file, pageOf(input));
  return path.resolve(file);
}

/** Names in a record come from elsewhere: they lead to no other folder. */
const fileName = (name: string) =>
  name
    .replace(/[^A-Za-z0-9]+/g, "-")
    .replace(/^-|-$/g, "")
    .slice(0, 40);
