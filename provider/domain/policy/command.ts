import { Command } from "commander";

const CASES = "cases.json";
const EXIT = "Exit status: 0 when all went well, else 1, with the reason on standard error.";

/** `turntable policy`: what a domain's folder of policies says, before an agent has it. */
export function policyCommand(): Command {
  const command = new Command("policy")
    .summary("try a domain's policies")
    .description("Try a folder of Cedar policies (*.cedar) as a domain's agent would use it. No agent is asked.")
    .addHelpText("after", `\n${EXIT}`);
  command
    .command("test")
    .summary("judge a table of cases")
    .description("Judge a table of cases by a folder's policies: a line for each case, and one for all of them.")
    .argument("<folder>", "the folder with the policies")
    .option("--cases <file>", `the table (JSON; default: ${CASES} in the folder)`)
    .addHelpText(
      "after",
      `
The table: {"schema": 1, "request": {…}, "cases": [{"name", "request", "expect",
"by"}, …]}. A case's request is laid over the table's; \`expect\` is "permit" or
"forbid", \`by\` the policy that decides (its @id; "default deny" where none
permits). A request holds what policies see:
  subject, groups, home     who asks, and through which domain
  vm                        {name, labels}
  from, to                  {stp, domain, labels}; labels.jurisdiction
  bandwidthMbps             and totalBandwidthMbps, with what the subject has
  window                    {start, end}, ISO 8601 in UTC
  action                    "consent" (default), or "grant": what homes decide
  now                       when it is asked (default: the window's start)
  timeZone                  the domain's (UTC)
  encryption, purpose       "tls" or "none"; any text

Example: turntable policy test /etc/turntable/policies
Exit status: 0 when every case went as expected, else 1.`,
    )
    // Loaded only now: the engine takes longer to load than all other commands together.
    .action(async (folder: string, { cases = `${folder}/${CASES}` }: { cases?: string }) => {
      const { testCases } = await import("./cases.ts");
      const { lines, well } = await testCases(folder, cases);
      process.stdout.write(`${lines.join("\n")}\n`);
      if (!well) process.exitCode = 1;
    });
  command
    .command("explain")
    .summary("tell why a request is permitted or refused")
    .description(
      "Tell how a folder's policies judge one request: what decides, and of each policy whether it is about the request and which of its conditions hold.",
    )
    .argument("<folder>", "the folder with the policies")
    .requiredOption("--request <file>", "the request (JSON, as in the cases of `turntable policy test`)")
    .addHelpText("after", `\nExample: turntable policy explain policies --request request.json\n${EXIT}`)
    .action(async (folder: string, { request }: { request: string }) => {
      const { explanation } = await import("./explanation.ts");
      process.stdout.write(`${(await explanation(folder, request)).join("\n")}\n`);
    });
  return command;
}
