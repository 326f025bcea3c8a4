import { Command } from "commander";
import { reasonOf } from "../../provider/errors.ts";
import { authorizeCommand } from "./authorize/command.ts";
import { moveCommand } from "./move/command.ts";
import { pathsCommand } from "./paths/command.ts";
import { policyCommand } from "./policy/command.ts";

const program = new Command("bench")
  .description("Measures what this package is for.")
  .addCommand(authorizeCommand())
  .addCommand(moveCommand())
  .addCommand(pathsCommand())
  .addCommand(policyCommand());

try {
  await program.parseAsync();
} catch (thrown) {
  console.error(`bench: ${reasonOf(thrown)}`);
  process.exitCode = 1;
}
