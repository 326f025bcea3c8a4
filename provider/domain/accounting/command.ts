import { Command } from "commander";
import type { Filter } from "./reading.ts";

interface Options {
  readonly config: string;
}

const CONFIG = ["--config <file>", "the domain's configuration, as its agent has it"] as const;

/** `turntable accounting`: what a domain granted, refused and carried. */
export function accountingCommand(): Command {
  const accounting = new Command("accounting")
    .summary("read and check what a network domain accounted for")
    .description(
      "A domain's agent keeps a signed record of every grant, refusal, use and release, each chained to the one before it. These commands read its store; the agent may be running.",
    );
  accounting
    .command("list")
    .summary("print the records, a line each")
    .requiredOption(...CONFIG)
    .option("--vm <name>", "only of this VM")
    .option("--subject <id>", "only of this caller")
    .option("--event <name>", "only such: grant, withheld, consent, token, reserved, lit, dark, refusal, …")
    .option("--since <time>", "only from then on (ISO 8601)")
    .option("--json", "print each as JSON")
    .action(async (options: Options & Filter) => print((await reading()).list(options.config, options)));
  accounting
    .command("export")
    .summary("print all records with their signatures, for another domain to check")
    .requiredOption(...CONFIG)
    .action(async ({ config }: Options) => print((await reading()).exported(config)));
  accounting
    .command("verify")
    .summary("find records that were removed or altered, and what other domains tell otherwise")
    .requiredOption(...CONFIG)
    .option("--against <files...>", "exports of peers, checked by the keys that the configuration has of them", [])
    .addHelpText("after", "\nExit status: 0 when every record stands and all ledgers agree, else 1.")
    .action(async ({ config, against }: Options & { readonly against: readonly string[] }) => {
      const { lines, faults } = await (await reading()).verified(config, against);
      await print(Promise.resolve(lines));
      if (faults > 0) process.exitCode = 1;
    });
  return accounting;
}

// Loaded only now: an old Node cannot load it, and would not get to say that it is old.
const reading = () => import("./reading.ts");

async function print(lines: Promise<readonly string[]>): Promise<void> {
  for (const line of await lines) process.stdout.write(`${line}\n`);
}
