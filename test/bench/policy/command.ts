import { Command } from "commander";
import { count } from "../count.ts";
import { measure, type Row } from "./run.ts";

interface Options {
  readonly vms: number;
  readonly decisions: number;
  readonly json?: true;
}

/** `bench policy`. */
export function policyCommand(): Command {
  return new Command("policy")
    .description(
      "How long a domain's policies take to decide, what the subject has already counted in, with many VMs known: the " +
        "policies of examples/domain-policy beside one policy that permits all, their turns interleaved. Needs no lab.",
    )
    .option("--vms <n>", "VMs whose moves the domain has permitted for the same time", count, 1_000)
    .option("--decisions <n>", "decisions of each variant", count, 1_000)
    .option("--json", "end with one line of JSON")
    .action(async ({ vms, decisions, json }: Options) => {
      const rows = await measure(vms, decisions);
      console.log(
        [
          "| a decision, ms | median | p99 | processor | × one permit |",
          "|---|---|---|---|---|",
          ...rows.map(line),
        ].join("\n"),
      );
      if (json) console.log(JSON.stringify({ bench: "policy", vms, decisions, rows }));
    });
}

function line({ variant, medianMs, p99Ms, cpuMs, ratio }: Row): string {
  return `| ${variant} | ${medianMs.toFixed(3)} | ${p99Ms.toFixed(3)} | ${cpuMs.toFixed(3)} | ${ratio.toFixed(2)} |`;
}
