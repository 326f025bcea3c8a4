import { fileURLToPath } from "node:url";
import { readDescription } from "../../examples/lab/description.ts";
import { bringUp, takeDown } from "../../examples/lab/lab.ts";
import { layOut } from "../../examples/lab/layout.ts";

export const DESCRIPTION = fileURLToPath(new URL("lab.json", import.meta.url));

/** A lab of the tests' own, beside any that is in use, for all end-to-end tests together. */
export async function setup(): Promise<() => Promise<void>> {
  const lab = layOut(readDescription(DESCRIPTION));
  await takeDown(lab, () => undefined);
  await bringUp(lab, (line) => process.stderr.write(`${line}\n`));
  return () => takeDown(lab, () => undefined);
}
