import { readFile } from "node:fs/promises";
import { Command } from "commander";
import { reasonOf } from "../../provider/errors.ts";
import { conclude } from "./demo/conclusion.ts";
import { PulumiCli } from "./demo/pulumi.ts";
import { writeReports } from "./demo/report.ts";
import { turnAround } from "./demo/turn.ts";
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
  let shown: Awaited<ReturnType<typeof show>>;
  try {
    shown = await show(lab, pulumi, options);
  } finally {
    if (!options.keep) await clearAway(lab, pulumi);
  }
  const { conclusion, reports } = shown;
  if (options.keep) say('\nThe VM and the lab are still there: eval "$(npm run -s env)" and go on with pulumi.');
  say("\nThe moves as pages, to open in a browser:");
  for (const file of reports) say(`  ${file}`);
  // After all else, on whichever stream: whoever reads it takes the last line.
  if (options.json) console.log(conclusion.json);
}

/** Both moves, and the files of their reports. */
async function show(lab: Lab, pulumi: PulumiCli, options: Options) {
  const inventory = inventorySchema.parse(JSON.parse(await readFile(inventoryFile(lab), "utf8")));
  const turn = await turnAround(pulumi, inventory, { load: options.load === true, say });
  const { rttMs } = inventory.span;
  const reports = await writeReports(inventory.vm.name, rttMs, turn.moves);
  const conclusion = conclude(rttMs, turn);
  console.log(conclusion.text);
  if (conclusion.exitCode !== 0) process.exitCode = conclusion.exitCode;
  return { conclusion, reports };
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
