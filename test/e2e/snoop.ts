import { readdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";

const INTERVAL_MS = 200;

/** Everything that another user of the machine, or of a site, could read while a move is on: argument lists and journals. */
export class Snoop {
  readonly #journals: readonly string[];
  readonly #read = new Set<string>();
  #reading = true;
  readonly #done: Promise<void>;

  /** `journals`: files to read again and again. */
  constructor(journals: readonly string[]) {
    this.#journals = journals;
    this.#done = this.#watch();
  }

  /** Ends, and gives all that was read. */
  async stop(): Promise<readonly string[]> {
    this.#reading = false;
    await this.#done;
    return [...this.#read];
  }

  async #watch(): Promise<void> {
    while (this.#reading) {
      const processes = (await readdir("/proc")).filter((name) => /^\d+$/.test(name));
      const files = [...processes.map((pid) => `/proc/${pid}/cmdline`), ...this.#journals];
      for (const text of await Promise.all(files.map((file) => readFile(file, "utf8").catch(() => "")))) {
        if (text !== "") this.#read.add(text);
      }
      await sleep(INTERVAL_MS);
    }
  }
}
