import { type DestinationStream, type Logger, pino } from "pino";

/** Should a secret ever reach a log call, it is not written. */
const SECRETS = ["token", "assertion", "grant", "jwt", "consent", "consents", "authorization", "key", "signing"];

/** An agent's log: JSON lines, in which secrets by name are blotted out, at the top and one level below. */
export function agentLog(domain: string, destination: DestinationStream): Logger {
  return pino({ name: domain, redact: SECRETS.flatMap((name) => [name, `*.${name}`]) }, destination);
}
