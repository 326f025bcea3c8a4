import { setTimeout as sleep } from "node:timers/promises";
import { reasonOf, TurntableError } from "../../../provider/errors.ts";
import {
  type DiaryReading,
  type GuestGap,
  type GuestStatistics,
  parseGap,
  parseReading,
  parseStatistics,
} from "./guest-answers.ts";
import { LineProcess } from "./line-process.ts";

const CONTROL_PORT = 5003;
const ANSWER_TIMEOUT_MS = 120_000;
// The guest knows a stop's length for sure after four seconds of its own time.
const SETTLE_TIMEOUT_MS = 8000;
const SETTLE_POLL_MS = 250;

export interface Load {
  /** Memory dirtied, 10^6 bytes a second; the paper's load is 30. */
  readonly memoryMBps: number;
  /** How much memory that goes round in, at most what the guest was filled with. */
  readonly workingSetMiB: number;
  /** Disk written past the cache, 10^6 bytes a second; the paper's load is 1. */
  readonly diskMBps: number;
}

export const IDLE: Load = { memoryMBps: 0, workingSetMiB: 0, diskMBps: 0 };
export const IMAGE_PROCESSING: Load = { memoryMBps: 30, workingSetMiB: 64, diskMBps: 1 };

/**
 * Talks to the guest's application from a namespace that reaches it. Every method throws TurntableError
 * `host.command-failed` if the guest refuses, or the connection ends.
 */
export class GuestControl {
  readonly #process: LineProcess;
  #last: Promise<unknown> = Promise.resolve();

  private constructor(process: LineProcess) {
    this.#process = process;
  }

  /** @param connectSeconds how long to try, for a guest that is starting */
  static async connect(namespace: string, address: string, connectSeconds = 30): Promise<GuestControl> {
    const args = [address, String(CONTROL_PORT), String(connectSeconds)];
    return new GuestControl(await LineProcess.start(namespace, "line.py", args));
  }

  /** Sets the load, which runs until it is set again; returns it as the guest took it. */
  async load(load: Load): Promise<Load> {
    const line = await this.#one(`load ${load.memoryMBps} ${load.workingSetMiB} ${load.diskMBps}`);
    const [, memoryMBps, workingSetMiB, diskMBps] = line.split(" ").map(Number);
    return { memoryMBps: memoryMBps ?? 0, workingSetMiB: workingSetMiB ?? 0, diskMBps: diskMBps ?? 0 };
  }

  /**
   * The gaps that the guest's clock saw since `clear`, oldest first.
   *
   * @param fromLengthMs leaves out what is shorter: 50 as in the paper; stops are known from 5 ms on
   */
  async gaps(fromLengthMs = 50): Promise<GuestGap[]> {
    const gaps = await this.#ask("gaps", async () => {
      const gaps: GuestGap[] = [];
      for (let line = await this.#line(); line !== "."; line = await this.#line()) gaps.push(parseGap(line));
      return gaps;
    });
    return gaps.filter((gap) => gap.lengthMs >= fromLengthMs);
  }

  /** The same, once the length of each is known for sure; or after 8 s, with what is known then. */
  async settledGaps(fromLengthMs = 50): Promise<GuestGap[]> {
    const startedAt = performance.now();
    // A stop shows at the next second of the wall clock at the latest.
    await sleep(1300);
    for (;;) {
      const gaps = await this.gaps(fromLengthMs);
      if (gaps.every((gap) => gap.settled) || performance.now() - startedAt > SETTLE_TIMEOUT_MS) return gaps;
      await sleep(SETTLE_POLL_MS);
    }
  }

  /** Forgets the gaps. */
  async clear(): Promise<void> {
    await this.#one("clear");
  }

  async statistics(): Promise<GuestStatistics> {
    return parseStatistics(await this.#one("stat"));
  }

  /** Re-reads the seeded files and all that the disk load wrote, past the page cache; returns how much was found right. */
  async verify(): Promise<{ files: number; blocks: number }> {
    const line = await this.#one("verify");
    const match = /^ok (\d+) files (\d+) blocks$/.exec(line);
    if (match === null) throw refused("verify", line);
    return { files: Number(match[1]), blocks: Number(match[2]) };
  }

  /** Writes a file whose content belongs to a seed, and makes it durable. */
  async write(seed: number, sizeMiB: number): Promise<void> {
    await this.#one(`write ${seed} ${sizeMiB}`);
  }

  /** Reads that file, past the page cache; throws unless every byte is as written. */
  async check(seed: number, sizeMiB: number): Promise<void> {
    await this.#one(`check ${seed} ${sizeMiB}`);
  }

  /** Writes content that belongs to a seed onto the second disk, past the page cache, and makes it durable. */
  async writeBlocks(seed: number, sizeMiB: number, atMiB: number): Promise<void> {
    await this.#one(`blocks ${seed} ${sizeMiB} ${atMiB}`);
  }

  /** Reads that, past the page cache; throws unless every byte is as written. */
  async checkBlocks(seed: number, sizeMiB: number, atMiB: number): Promise<void> {
    await this.#one(`checkblocks ${seed} ${sizeMiB} ${atMiB}`);
  }

  /** Tells the second disk that a part of it is not needed any more, which then reads as zeroes. */
  async discardBlocks(sizeMiB: number, atMiB: number): Promise<void> {
    await this.#one(`discard ${sizeMiB} ${atMiB}`);
  }

  /** Reads a part of the second disk; throws unless all of it is zeroes. */
  async checkEmpty(sizeMiB: number, atMiB: number): Promise<void> {
    await this.#one(`empty ${sizeMiB} ${atMiB}`);
  }

  /** Has it look at the memory that it filled when it started; throws unless every page is as it was, or if a load has run. */
  async checkMemory(): Promise<void> {
    await this.#one("memory");
  }

  /** Has it write so many records a second to its diary, each durable before the next; 0 stops it. Forgets the longest write. */
  async diary(recordsPerSecond: number): Promise<void> {
    await this.#one(`diary ${recordsPerSecond}`);
  }

  /** Has it read its diary, past the page cache. */
  async reread(): Promise<DiaryReading> {
    return parseReading(await this.#ask("reread", () => this.#line()));
  }

  /** Makes all that was written durable. */
  async sync(): Promise<void> {
    await this.#one("sync");
  }

  /** Ends the connection. Never throws; may be called again. */
  async close(): Promise<void> {
    await this.#process.stop();
  }

  #one(command: string): Promise<string> {
    return this.#ask(command, async () => {
      const line = await this.#line();
      if (line === "ok" || line.startsWith("ok ")) return line;
      throw refused(command, line);
    });
  }

  async #line(): Promise<string> {
    const timer = new AbortController();
    const late = sleep(ANSWER_TIMEOUT_MS, undefined, { signal: timer.signal }).then(async () => {
      // An answer that comes after all would be taken for that of the next command.
      await this.#process.stop();
      throw refused("the last command", `no answer in ${ANSWER_TIMEOUT_MS / 1000} s`);
    });
    late.catch(reasonOf);
    try {
      return await Promise.race([this.#process.nextLine(), late]);
    } finally {
      timer.abort();
    }
  }

  /** One command at a time: answers carry no name of what they answer. */
  #ask<Answer>(command: string, read: () => Promise<Answer>): Promise<Answer> {
    const answer = this.#last.then(() => {
      this.#process.send(command);
      return read();
    });
    this.#last = answer.catch(reasonOf);
    return answer;
  }
}

function refused(command: string, reason: string): TurntableError {
  return new TurntableError("host.command-failed", `The guest did not do "${command}": ${reason}`, {
    retry: "safe",
    next: "See the guest's serial log for more.",
  });
}
