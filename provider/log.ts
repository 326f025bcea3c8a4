import { type Logger, pino } from "pino";
import { currentMove } from "./correlation.ts";
import type { Narrator } from "./resource.ts";

/** Should a secret ever reach a log call, it is not written. */
const SECRETS = ["token", "assertion", "grant", "jwt", "consents", "authorization", "key", "keyHex", "sshPrivateKey"];

/** A log of JSON lines in a file (0600), each with the id of the move it belongs to; secrets by name are blotted out. */
export function openLog(file: string): Logger {
  const redact = SECRETS.flatMap((name) => [name, `*.${name}`]);
  const mixin = () => {
    const move = currentMove();
    return move === undefined ? {} : { move };
  };
  return pino(
    { name: "turntable", level: "debug", redact, mixin },
    pino.destination({ dest: file, mode: 0o600, sync: true }),
  );
}

/** Tells the log everything that it tells the narrator. */
export function logged(narrator: Narrator, log: Logger): Narrator {
  return {
    info(line) {
      log.info(line);
      narrator.info(line);
    },
    warn(line) {
      log.warn(line);
      narrator.warn(line);
    },
    progress(line) {
      log.debug(line);
      narrator.progress(line);
    },
  };
}
