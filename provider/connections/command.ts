import path from "node:path";
import { Command, Option } from "commander";
import type { DracLightpath } from "../lightpath/drac/client.ts";
import type { FarSides } from "./far-sides.ts";
import { detailsOf, type Found, newsOf, stands, tableOf } from "./listing.ts";

/** How a domain is asked in the user's name. */
export type Ask = (domain: FarSides["domains"][number], setting: FarSides["setting"]) => Promise<DracLightpath>;

interface Options {
  readonly stack?: string;
  readonly domains?: string;
  readonly json?: true;
}

interface FarSide {
  readonly name: string;
  readonly drac: DracLightpath;
}

/** `turntable lightpath`: what a user has reserved and lit, as the network says. */
export function lightpathCommand(ask: Ask): Command {
  const lightpath = new Command("lightpath")
    .summary("see what the network has of your lightpaths")
    .description(
      "Ask network domains for the connections that you have reserved with them. In the folder of a Pulumi project they are the domains that its stack's sites name, and you are who its configuration says.",
    );
  const asking = (name: string, summary: string) =>
    lightpath
      .command(name)
      .summary(summary)
      .addOption(new Option("--stack <dir>", "the Pulumi project (default: this folder)"))
      .addOption(
        new Option(
          "--domains <file>",
          "the domains as JSON, without a stack: {name, url, fingerprint}, or a list; you are TURNTABLE_CALLER_ID with TURNTABLE_CALLER_KEY_FILE",
        ).conflicts("stack"),
      )
      .option("--json", "print each as one line of JSON");
  asking("list", "print your connections, a line each")
    .option("--all", "those that are over too")
    .action(async (options: Options & { readonly all?: true }) => {
      await withFarSides(ask, options, async (sides) => {
        const found = (await foundAt(sides)).filter((one) => options.all || stands(one, Date.now()));
        print(options.json ? found.map((one) => JSON.stringify(one)) : tableOf(found));
      });
    });
  asking("show", "print all that is known of one connection")
    .argument("<id>", "its number, as list prints it")
    .action(async (id: string, options: Options) => {
      await withFarSides(ask, options, async (sides) => {
        const one = (await foundAt(sides)).find(({ connection }) => connection.connectionId === id);
        if (one === undefined) throw new Error(`no connection ${id} of yours is known to ${namesOf(sides)}`);
        print(options.json ? [JSON.stringify(one)] : detailsOf(one));
      });
    });
  asking("watch", "print what becomes of your connections, as it happens, until Ctrl-C").action(
    async (options: Options) => {
      const stop = new AbortController();
      for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort());
      await withFarSides(ask, options, async (sides) => {
        await Promise.all(sides.map((side) => follow(side, options, stop.signal)));
      });
    },
  );
  return lightpath;
}

async function withFarSides(ask: Ask, options: Options, act: (sides: readonly FarSide[]) => Promise<void>) {
  const { stack = ".", domains: file } = options;
  // Loaded only now: an old Node cannot load it, and would not get to say that it is old.
  const { farSidesInFile, farSidesInStack } = await import("./far-sides.ts");
  const { domains, setting } =
    file === undefined ? await farSidesInStack(path.resolve(stack)) : await farSidesInFile(file);
  const sides = await Promise.all(
    domains.map(async (domain) => ({ name: domain.name, drac: await ask(domain, setting) })),
  );
  try {
    await act(sides);
  } finally {
    await Promise.all(sides.map(({ drac }) => drac.close()));
  }
}

/** Of all of them, or of none: a list with something missing would be believed. */
async function foundAt(sides: readonly FarSide[]): Promise<readonly Found[]> {
  const all = await Promise.all(
    sides.map(async ({ name: domain, drac }) => (await drac.list()).map((connection) => ({ domain, connection }))),
  );
  return all.flat();
}

async function follow({ name, drac }: FarSide, { json }: Options, signal: AbortSignal): Promise<void> {
  for await (const news of drac.notifications(signal)) {
    print([json ? JSON.stringify({ domain: name, ...news }) : newsOf(name, news)]);
  }
}

const namesOf = (sides: readonly FarSide[]) => sides.map(({ name }) => name).join(", ");

function print(lines: readonly string[]): void {
  for (const line of lines) process.stdout.write(`${line}\n`);
}
