import { givenUpIn, type Sample } from "./samples.ts";

/** Of each variant that never came to its end, how often it was tried and for how long; nothing if there is none. */
export function givenUpLines(samples: readonly Sample[]): readonly string[] {
  const all = givenUpIn(samples);
  return [...new Set(all.map(({ variant }) => variant))].map((variant) => {
    const own = all.filter((one) => one.variant === variant);
    const longest = Math.round(Math.max(...own.map(({ afterMs }) => afterMs)) / 1_000);
    return `${variant}: given up ${own.length} times, after ${longest} s: memory was dirtied faster than it was sent, and the VM stayed where it was.`;
  });
}
