import { readFile } from "node:fs/promises";
import type { Logger } from "pino";
import { reasonOf } from "../../errors.ts";
import { repeat } from "../repeat.ts";
import { type OwnKey, readKeys } from "./key-file.ts";

/** How often the file is looked at. What is found twice the same is taken: a file may be half written. */
const LOOK_INTERVAL_MS = 500;

/** The keys of this domain, as they are now. */
export interface OwnKeys {
  /** Signs. */
  readonly current: OwnKey;
  /** What was signed with any of these is to be believed. */
  readonly all: readonly [OwnKey, ...OwnKey[]];
}

export interface KeyFile {
  readonly domain: string;
  readonly file: string;
  /** As read before. */
  readonly keys: OwnKeys["all"];
}

/** Goes on looking whether a signing key file changed: a good change is taken, a bad one is logged, once, and the keys stay what they were. */
export class WatchedKeys implements OwnKeys {
  readonly #file: KeyFile;
  readonly #log: Logger;
  readonly #changed: (() => void)[] = [];
  #keys: OwnKeys["all"];
  #seen = "";
  #taken = "";
  #told: string | undefined;
  readonly #stop: () => Promise<void>;

  constructor(file: KeyFile, log: Logger) {
    this.#file = file;
    this.#keys = file.keys;
    this.#log = log;
    this.#stop = repeat(
      () => this.#look(),
      LOOK_INTERVAL_MS,
      (thrown) => this.#tell(thrown),
    );
  }

  get current(): OwnKey {
    return this.#keys[0];
  }

  get all(): OwnKeys["all"] {
    return this.#keys;
  }

  /** `task` is done after each change. */
  whenChanged(task: () => void): void {
    this.#changed.push(task);
  }

  /** Looks no more. */
  async close(): Promise<void> {
    await this.#stop();
  }

  async #look(): Promise<void> {
    const text = await readFile(this.#file.file, "utf8");
    const before = this.#seen;
    this.#seen = text;
    if (text !== before || text === this.#taken) return;
    const keys = await readKeys(text, this.#file.domain);
    this.#taken = text;
    this.#told = undefined;
    if (kidsOf(keys) === kidsOf(this.#keys)) return;
    this.#keys = keys;
    for (const task of this.#changed) task();
    this.#log.info({ signs: keys[0].kid, published: keys.map(({ kid }) => kid) }, "the changed keys are in force");
  }

  #tell(thrown: unknown): void {
    const reason = reasonOf(thrown);
    if (reason === this.#told) return;
    this.#told = reason;
    this.#log.error({ file: this.#file.file, reason }, "the changed keys are not taken; those before stay in force");
  }
}

const kidsOf = (keys: readonly OwnKey[]): string => keys.map(({ kid }) => kid).join(" ");
