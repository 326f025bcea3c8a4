import * as pulumi from "@pulumi/pulumi";
import { z } from "zod";
import { compose } from "./composition.ts";
import { moveThatFailed } from "./correlation.ts";
import { answerAt, shown } from "./door.ts";
import { settingInEnvironment } from "./environment.ts";
import { logged, openLog } from "./log.ts";
import { requireNode } from "./manifest.ts";
import type { Narrator } from "./resource.ts";

/** How long connections outlive the last verb: the engine often asks for the next one at once. */
const REST_AFTER_MS = 3_000;

const configuration = z.custom<pulumi.dynamic.ConfigureRequest>(
  (given) => z.object({ config: z.custom<object>() }).safeParse(given).success,
);

const terminal: Narrator = {
  info: (line) => void pulumi.log.info(line),
  warn: (line) => void pulumi.log.warn(line),
  progress: (line) => void pulumi.log.info(line, undefined, undefined, true),
};
const logFile = process.env.TURNTABLE_LOG_FILE;
const log = logFile === undefined || logFile === "" ? undefined : openLog(logFile);
const narrator = log === undefined ? terminal : logged(terminal, log);

let config: pulumi.dynamic.Config | undefined;
let busy = 0;
/** The engine was killed: what it had begun is finished, and then nobody will ask for anything more. */
let deserted = false;

// Unheard, Pulumi would tell of the broken pipe to that very pipe, for ever, and what still goes on here would starve.
for (const stream of [process.stdout, process.stderr]) {
  stream.on("error", () => {
    deserted = true;
  });
}

// Pulumi configures once for each type of resource, while verbs of other types are at work: they all share one composition.
const composition = compose((key) => config?.get(`turntable:${key}`) ?? settingInEnvironment(key), narrator);

async function atWork<T>(act: () => Promise<T>): Promise<T> {
  busy += 1;
  try {
    return await act();
  } finally {
    busy -= 1;
    setTimeout(() => {
      if (busy === 0) void composition.rest().finally(() => deserted && process.exit());
    }, REST_AFTER_MS).unref();
  }
}

/**
 * The one door to the resources: what the shells in a stack's state forward each verb of the engine to.
 * `args` are positional, as the engine's dynamic providers have them. Rejects with an error whose message is one paragraph.
 */
export async function dispatch(type: string, verb: string, ...args: unknown[]): Promise<unknown> {
  if (verb === "configure") {
    config = configuration.parse(args[0]).config;
    return;
  }
  try {
    requireNode();
    return await atWork(() => answerAt(composition, type, verb, args));
  } catch (thrown) {
    const move = moveThatFailed(thrown);
    log?.error({ ...(move === undefined ? {} : { move }), type, verb, err: thrown }, "failed");
    if (thrown instanceof Error) void pulumi.log.debug(`${type} ${verb}: ${thrown.stack ?? thrown.message}`);
    throw shown(thrown, args);
  }
}
