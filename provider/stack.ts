import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { z } from "zod";
import { reasonOf, TurntableError } from "./errors.ts";

const run = promisify(execFile);
const LARGEST_OUTPUT_BYTES = 256 * 2 ** 20;

/**
 * What the Pulumi CLI tells, as JSON, of the stack that is selected for the project in `directory`. `what` names it in
 * messages ("the outputs"), `instead` says what else a user can do. Throws input.invalid if the CLI cannot tell.
 */
export async function toldByStack(
  directory: string,
  argv: readonly string[],
  what: string,
  instead: string,
): Promise<unknown> {
  try {
    const asked = [...argv, "--non-interactive", "--cwd", directory];
    const { stdout } = await run("pulumi", asked, { maxBuffer: LARGEST_OUTPUT_BYTES });
    return JSON.parse(stdout);
  } catch (thrown) {
    throw new TurntableError("input.invalid", `${what} of ${directory}'s stack cannot be read: ${saidBy(thrown)}`, {
      ...{ retry: "safe", cause: thrown },
      next: `Run it where \`pulumi ${argv[0]} ${argv[1]}\` works, or ${instead}.`,
    });
  }
}

/** The CLI's own words, without the command that Node puts before them. */
function saidBy(thrown: unknown): string {
  const said = z.object({ stderr: z.string().trim().min(1) }).safeParse(thrown);
  return said.success ? said.data.stderr.trim() : reasonOf(thrown);
}
