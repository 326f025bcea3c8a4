import { takeDown } from "../../examples/lab/lab.ts";
import { LANES, labOf } from "./lab.ts";

/** Files build their labs; before and after them all nothing of these is there. */
export async function setup(): Promise<() => Promise<void>> {
  const labs = Array.from({ length: LANES }, (_, index) => labOf(index + 1));
  const clear = async () => {
    await Promise.all(labs.map((lab) => takeDown(lab, () => undefined)));
  };
  await clear();
  return clear;
}
