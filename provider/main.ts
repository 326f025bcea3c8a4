#!/usr/bin/env node
import { Command } from "commander";
import { type Ask, lightpathCommand } from "./connections/command.ts";
import { accountingCommand } from "./domain/accounting/command.ts";
import { policyCommand } from "./domain/policy/command.ts";
import { settingInEnvironment } from "./environment.ts";
import { reasonOf } from "./errors.ts";
import { requireNode, VERSION } from "./manifest.ts";
import { reportCommand } from "./report/command.ts";

const EXIT = "Exit status: 0 when all went well, else 1, with the reason on standard error.";

const program = new Command("turntable")
  .description(
    "Tools beside the Pulumi package pulumi-turntable. VMs are placed and moved by `pulumi up`; this command is for what stands around it.",
  )
  .version(VERSION, "-V, --version", "print the version")
  .showHelpAfterError("`turntable help` lists the commands, `turntable help <command>` one's options.")
  .addHelpText("after", `\n\`turntable help <command>\` tells more of one.\n${EXIT}`);

program
  .command("domain")
  .summary("run the agent of a network domain")
  .description(
    "Run the agent of a network domain until SIGTERM or SIGINT: consent to moves (AAA) and lightpaths (DRAC), behind one HTTPS port. What is provisioned stays as it is when the agent ends.",
  )
  .requiredOption("--config <file>", "the domain's configuration (JSON); paths in it are relative to it")
  .addHelpText(
    "after",
    `
The configuration holds:
  domain           the domain's name
  listen           {address, port} of the HTTPS server
  tls              {certificateFile, keyFile}: PEM; callers pin the certificate
  signingKeyFile   private Ed25519 JWK that signs consents and tokens, or a JWK Set
                   whose first key signs; a change is taken while the agent runs
  store            SQLite file of grants and reservations
  policies         folder of Cedar policies (*.cedar): what is permitted to whom;
                   a change is taken while the agent runs, unless it is faulty
  timeZone         in which policies see hours and weekdays (UTC)
  clients, peers   who may ask: each one's public key; a client's groups; what a
                   peer is trusted with (may: consent, coordinate, tell)
  topology         {stps, links}: where lightpaths end, what joins the switches
  element          {driver: "linux", devices: {port: [device, …]}} steers bridges
                   (needs root), {driver: "none"} steers nothing
  holdSeconds      how long a reservation waits for its commit (60)
  tokenSeconds     how long a move's token lives (900)
  discovery        {refreshSeconds, lifeSeconds}: how often the domain tells its
                   peers its topology (60), and how long that holds (300)
  sites            by an STP's id {hostKeys, unnamed}: the hosts there that may take VMs in
                   (any), and whether connections may end there that name none (false)
  pace             {caller, address}: requests a second of one caller (300), and
                   of strangers at one address (200)
  nsi              {listen, nsa, vlans, requesters}: others' agents that may drive
                   the domain by NSI's Connection Service, by mutual TLS

Prints a line that ends in "listening" when it answers. Its log, JSON lines, goes
to standard error.

Example: turntable domain --config /etc/turntable/ams.example.json
${EXIT}`,
  )
  // Loaded only now: an old Node cannot load it, and would not get to say that it is old.
  .action(async ({ config }: { config: string }) => await (await import("./domain/main.ts")).runAgent(config));

const ask: Ask = async (domain, setting) => {
  const [{ callerOf, credentialsFrom }, { DracLightpath }] = await Promise.all([
    import("./credentials.ts"),
    import("./lightpath/drac/client.ts"),
  ]);
  return new DracLightpath(domain, callerOf(credentialsFrom((key) => setting(key) ?? settingInEnvironment(key))));
};

const further = [reportCommand(), lightpathCommand(ask), policyCommand(), accountingCommand()];
for (const command of further) program.addCommand(command.copyInheritedSettings(program));

try {
  requireNode();
  await program.parseAsync();
} catch (thrown) {
  process.stderr.write(`turntable: ${reasonOf(thrown)}\n`);
  process.exitCode = 1;
}
