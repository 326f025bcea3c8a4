import { pino } from "pino";
import { startAgent } from "./agent.ts";
import { loadConfig } from "./load.ts";
import { agentLog } from "./log.ts";

/**
 * Runs a domain's agent until SIGTERM or SIGINT. Prints one line ending in "listening" when it answers; its log (JSON) goes to stderr.
 * The data plane is left as it is when the agent ends. Rejects with input.invalid, or with the reason why it cannot listen.
 */
export async function runAgent(configFile: string): Promise<void> {
  const loaded = await loadConfig(configFile);
  const { domain } = loaded.config;
  const log = agentLog(domain, pino.destination({ dest: 2, sync: true }));
  const agent = await startAgent(loaded, log);
  const stop = (signal: NodeJS.Signals): void => {
    log.info({ signal }, "ending");
    agent.close().catch((thrown: unknown) => {
      log.error({ err: thrown }, "did not end well");
      process.exitCode = 1;
    });
  };
  process.once("SIGTERM", stop);
  process.once("SIGINT", stop);
  process.stdout.write(`${domain} at ${agent.url} is listening\n`);
}
