import { Command } from "commander";
import { reasonOf, TurntableError } from "../../provider/errors.ts";
import { descriptionFile, readDescription } from "./description.ts";
import { shellExports } from "./environment.ts";
import { readIfThere } from "./files.ts";
import { bringUp, inspectAll, takeDown } from "./lab.ts";
import { type Lab, layOut } from "./layout.ts";
import { inventoryFile } from "./publish.ts";

const print = (line: string): void => console.log(line);

function openLab(): Lab {
  if (process.getuid?.() !== 0) {
    throw new TurntableError("host.prerequisite-missing", "the lab makes network namespaces, which only root may", {
      retry: "never",
      next: "Run the same command as root, or through sudo.",
    });
  }
  // A plain user's PATH that came through sudo or su may lack the folders of ip, tc and sshd.
  process.env.PATH = `${process.env.PATH ?? ""}:/usr/local/sbin:/usr/sbin:/sbin`;
  return layOut(readDescription(descriptionFile()));
}

async function up(): Promise<void> {
  const lab = openLab();
  await bringUp(lab, print);
  print("\nThe lab is up. To work in it from this shell, at the repository's root:");
  print('  eval "$(npm run -s env)"');
  print("  pulumi up");
  print("  pulumi config set site san && pulumi up");
  print("To take it away: npm run lab -- down");
}

async function status(options: { json?: true }): Promise<void> {
  const found = await inspectAll(openLab());
  if (options.json)
    print(JSON.stringify(found.map(({ piece, fault }) => ({ piece, alive: fault === undefined, fault }))));
  const width = Math.max(...found.map(({ piece }) => piece.length));
  if (!options.json) for (const { piece, fault } of found) print(`${piece.padEnd(width)}  ${fault ?? "alive"}`);
  if (found.some(({ fault }) => fault !== undefined)) process.exitCode = 1;
}

async function env(): Promise<void> {
  const lab = openLab();
  if ((await readIfThere(inventoryFile(lab))) === undefined) {
    throw new TurntableError("input.invalid", "the lab is not up", { retry: "safe", next: "Run `npm run lab -- up`." });
  }
  print(shellExports(lab));
}

const program = new Command("lab")
  .description(
    "Two sites far apart, the optical network between them, a client and its gateway, on this machine.\n" +
      "Described by examples/lab/lab.json, or by the file that TURNTABLE_LAB_DESCRIPTION names.",
  )
  .showHelpAfterError();
program.command("up").description("build the lab, or repair what lacks of it").action(up);
program
  .command("down")
  .description("end and remove everything of the lab")
  .action(() => takeDown(openLab(), print));
program
  .command("status")
  .description("look at every piece; exit 1 unless all are alive")
  .option("--json", "one line of JSON")
  .action(status);
program.command("env").description('print the environment for a shell: eval "$(npm run -s env)"').action(env);

try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`lab: ${reasonOf(thrown)}`);
  process.exitCode = 1;
}
