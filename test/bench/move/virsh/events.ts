import { spawn } from "node:child_process";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

const POLL_MS = 50;
const PATIENCE_MS = 10_000;

/** What a daemon says of its domains' lives, with the time at which it was said. */
export class LifeEvents {
  readonly #child;
  #text = "";

  constructor(uri: string) {
    this.#child = spawn("virsh", ["-c", uri, "event", "--event", "lifecycle", "--loop", "--timestamp"], {
      stdio: ["ignore", "pipe", "ignore"],
    });
    this.#child.stdout.setEncoding("utf8").on("data", (text: string) => {
      this.#text += text;
    });
  }

  /** When an event ("Resumed Migrated") was said, in ms since 1970; rejects if it was not, in 10 s. */
  async timeOf(event: string): Promise<number> {
    for (const deadline = Date.now() + PATIENCE_MS; Date.now() < deadline; await sleep(POLL_MS)) {
      const atMs = timeIn(this.#text, event);
      if (atMs !== undefined) return atMs;
    }
    throw new Error(`virsh told of no "${event}", but: ${this.#text.trim()}`);
  }

  async stop(): Promise<void> {
    const ended = once(this.#child, "close");
    this.#child.kill();
    await ended;
  }
}

/** "2026-01-02 03:04:05.678+0000: event 'lifecycle' for domain 'vm': Resumed Migrated" → ms since 1970. */
export function timeIn(text: string, event: string): number | undefined {
  const line = text.split("\n").find((one) => one.endsWith(`: ${event}`));
  const [, day, time] = /^(\S+) (\S+)\+0000: /.exec(line ?? "") ?? [];
  return day === undefined ? undefined : Date.parse(`${day}T${time}Z`);
}
