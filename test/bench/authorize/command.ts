import { Command } from "commander";
import { count } from "../count.ts";
import { measure, type Row } from "./run.ts";

interface Options {
  readonly moves: number;
  readonly limit: number;
  readonly json?: true;
}

/** `bench authorize`. */
export function authorizeCommand(): Command {
  return new Command("authorize")
    .description(
      "How long it takes until moves are authorized: for each, three domains consent to a grant, which is exchanged for a token. " +
        "The domains' agents are processes of their own on loopback ports. First all moves at once, then as many one after " +
        "the other. Needs no lab.",
    )
    .option("--moves <n>", "moves to authorize", count, 100)
    .option("--limit <seconds>", "longest that all at once may take", count, 15)
    .option("--json", "end with one line of JSON")
    .action(async ({ moves, limit, json }: Options) => {
      const rows = await measure(moves);
      console.log(
        ["| authorized | in all, s | median, ms | p99, ms |", "|---|---|---|---|", ...rows.map(line)].join("\n"),
      );
      if (json) console.log(JSON.stringify({ bench: "authorize", moves, rows }));
      const slow = rows.find(({ variant, seconds }) => variant === "at once" && seconds > limit);
      if (slow !== undefined) throw new Error(`${moves} moves at once took ${slow.seconds} s, not ${limit}`);
    });
}

function line({ variant, seconds, medianMs, p99Ms }: Row): string {
  return `| ${variant} | ${seconds.toFixed(2)} | ${medianMs.toFixed(0)} | ${p99Ms.toFixed(0)} |`;
}
