import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { reasonOf, TurntableError } from "../../errors.ts";
import { repeat } from "../repeat.ts";
import { type PolicyFile, PolicySet } from "./policy-set.ts";

/** How often the folder is looked at. What is found twice the same is taken: a file may be half written. */
const LOOK_INTERVAL_MS = 500;

/** The policies of a folder, as they are now. */
export interface Policies {
  readonly current: PolicySet;
  /** Looks no more. */
  close(): Promise<void>;
}

/** The `*.cedar` files right in a folder, by name. Rejects with input.invalid if it cannot be read. */
export async function readPolicies(folder: string): Promise<readonly PolicyFile[]> {
  try {
    const names = (await readdir(folder)).filter((name) => name.endsWith(".cedar")).sort();
    return await Promise.all(names.map(async (name) => ({ name, text: await readFile(join(folder, name), "utf8") })));
  } catch (thrown) {
    throw new TurntableError("input.invalid", `the policies in ${folder} cannot be read: ${reasonOf(thrown)}`, {
      ...{ retry: "never", next: "Give a folder with *.cedar files that may be read.", cause: thrown },
    });
  }
}

/**
 * Reads a folder's policies and goes on looking whether they changed: a good change is taken, a bad one is logged, once,
 * and what was in force stays so. Rejects with input.invalid if they are bad from the beginning.
 */
export async function openPolicies(folder: string, log: Logger): Promise<Policies> {
  const files = await readPolicies(folder);
  let current = PolicySet.of(files, folder);
  let seen = JSON.stringify(files);
  let taken = seen;
  const tell = (thrown: unknown): void =>
    log.error({ folder, reason: reasonOf(thrown) }, "the changed policies are not taken; those before stay in force");
  const look = async (): Promise<void> => {
    const files = await readPolicies(folder);
    const before = seen;
    seen = JSON.stringify(files);
    if (seen !== before || seen === taken) return;
    taken = seen;
    const old = current;
    current = PolicySet.of(files, folder);
    old.forget();
    log.info({ folder, policies: [...current.policies.keys()] }, "the changed policies are in force");
  };
  let told: string | undefined;
  const once = async (): Promise<void> => {
    try {
      await look();
      told = undefined;
    } catch (thrown) {
      if (told !== reasonOf(thrown)) tell(thrown);
      told = reasonOf(thrown);
    }
  };
  log.info({ folder, policies: [...current.policies.keys()] }, "the policies are in force");
  const stop = repeat(once, LOOK_INTERVAL_MS, tell);
  return {
    get current() {
      return current;
    },
    close: async () => {
      await stop();
      current.forget();
    },
  };
}
