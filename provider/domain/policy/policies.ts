import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Logger } from "pino";
import { reasonOf, TurntableError } from "../../errors.ts";
import { watch } from "../watch.ts";
import { type PolicyFile, PolicySet } from "./policy-set.ts";

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
  log.info({ folder, policies: [...current.policies.keys()] }, "the policies are in force");
  const stop = watch({
    first: files,
    read: async () => await readPolicies(folder),
    take: async (changed) => {
      const old = current;
      current = PolicySet.of(changed, folder);
      old.forget();
      log.info({ folder, policies: [...current.policies.keys()] }, "the changed policies are in force");
    },
    failed: (thrown) =>
      log.error({ folder, reason: reasonOf(thrown) }, "the changed policies are not taken; those before stay in force"),
  });
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
