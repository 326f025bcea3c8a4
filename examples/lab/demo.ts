import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { reasonOf } from "../../provider/errors.ts";
import { PulumiCli } from "./demo/pulumi.ts";
import { writeReports } from "./demo/report.ts";
import { figures } from "./demo/table.ts";
import { turnAround } from "./demo/turn.ts";
import type { WatchedMove } from "./demo/watch.ts";
import { descriptionFile, readDescription } from "./description.ts";
import { shellEnvironment } from "./environment.ts";
import { inventory as inventorySchema } from "./inventory.ts";
import { bringUp, takeDown } from "./lab.ts";
import { type Lab, layOut, REPOSITORY } from "./layout.ts";
import { inventoryFile } from "./publish.ts";

interface Options {
  readonly json?: true;
  readonly keep?: true;
  readonly load?: true;
}

const say = (line: string): void => console.error(line);

async function demo(options: Options): Promise<void> {
  const lab = layOut(readDescription(descriptionFile()));
  say("Building the lab: two sites, the network between them, a client");
  await bringUp(lab, say);
  const pulumi = new PulumiCli(REPOSITORY, shellEnvironment(lab), true);
  let reports: readonly string[] = [];
  try {
    reports = await show(lab, pulumi, options);
  } finally {
    if (!options.keep) await clearAway(lab, pulumi);
  }
  if (options.keep) say('\nThe VM and the lab are still there: eval "$(npm run -s env)" and go on with pulumi.');
  say("\nThe moves as pages, to open in a browser:");
  for (const file of reports) say(`  ${file}`);
}

/** Both moves, in figures; resolves with the files of their reports. */
async function show(lab: Lab, pulumi: PulumiCli, options: Options): Promise<readonly string[]> {
  const inventory = inventorySchema.parse(JSON.parse(await readFile(inventoryFile(lab), "utf8")));
  const { moves, faults } = await turnAround(pulumi, inventory, { load: options.load === true, say });
  const { rttMs } = inventory.span;
  const reports = await writeReports(inventory.vm.name, rttMs, moves);
  console.log(`\n${figures(rttMs, moves)}\n`);
  for (const fault of faults) console.log(`FAULT: ${fault}`);
  if (faults.length > 0) process.exitCode = 1;
  else console.log("The TCP session and the guest's data came through both moves; at no time did two copies run.");
  if (options.json) console.log(JSON.stringify({ rttMs, moves: moves.map(figuresOf) }));
  return reports;
}

/** What `--json` tells of a move: the figures of the table. */
function figuresOf({ faults: _, record: __, streamGap: ___, ...figures }: WatchedMove) {
  return figures;
}

async function clearAway(lab: Lab, pulumi: PulumiCli): Promise<void> {
  say("\nTaking everything away again");
  const { code } = await pulumi.attempt("destroy", "--yes", "--skip-preview");
  if (code !== 0) process.exitCode = 1;
  await takeDown(lab, say);
}

const program = new Command("demo")
  .description("Watch a live VM, with its disk and an open TCP session, go from Amsterdam to San Diego and back.")
  .option("--json", "end with one line of JSON")
  .option("--keep", "leave the VM and the lab as they are at the end")
  .option("--load", "let the guest work while it moves: 30 MB/s of memory, 1 MB/s of disk")
  .action(demo);

try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`demo: ${reasonOf(thrown)}`);
  process.exitCode = 1;
}
