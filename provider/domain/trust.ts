import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { reasonOf } from "../errors.ts";
import { type Known, type Loaded, loadConfig } from "./load.ts";
import { watch } from "./watch.ts";

/** Who may call, and whose signatures count, as the configuration says now. */
export interface Trust {
  readonly known: ReadonlyMap<string, Known>;
  /** `task` is done after each change. */
  whenChanged(task: () => void): void;
  /** Looks no more. */
  close(): Promise<void>;
}

/**
 * Goes on looking whether the configuration's clients and peers changed: who is taken out is believed no more, and a new key
 * counts from then on. A faulty change is logged, once, and what was in force stays so. All else in the file is for the next start.
 */
export function openTrust({ source, known }: Loaded, log: Logger): Trust {
  const { file, text } = source;
  let current = known;
  const changed: (() => void)[] = [];
  const stop = watch({
    first: text,
    read: async () => await readFile(file, "utf8"),
    take: async () => {
      current = (await loadConfig(file)).known;
      for (const task of changed) task();
      log.info({ file, known: [...current.keys()] }, "the changed clients and peers are in force");
    },
    failed: (thrown) =>
      log.error({ file, reason: reasonOf(thrown) }, "the changed configuration is not taken; who was known stays so"),
  });
  return {
    get known() {
      return current;
    },
    whenChanged: (task) => void changed.push(task),
    close: stop,
  };
}
