import type { TestProject } from "vitest/node";
import { takeDown } from "../../examples/lab/lab.ts";
import { labOf } from "./lab.ts";

/** Tests build their workers' labs; before and after them all nothing of these is there. */
export async function setup({ config }: TestProject): Promise<() => Promise<void>> {
  const labs = Array.from({ length: config.maxWorkers }, (_, index) => labOf(index + 1));
  const clear = async () => {
    await Promise.all(labs.map((lab) => takeDown(lab, () => undefined)));
  };
  await clear();
  return clear;
}
