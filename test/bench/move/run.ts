import { reasonOf } from "../../../provider/errors.ts";
import { measureCopy } from "./copy.ts";
import { type BenchLab, closeLab, openLab } from "./lab.ts";
import type { Sample, Samples } from "./samples.ts";
import { measureTrips } from "./trips.ts";
import { ROUND_TRIPS_MS, samplesWanted, type Variant, variantsAt } from "./variants.ts";
import { isLibvirtThere } from "./virsh/daemon.ts";
import { measureVirsh } from "./virsh/migrate.ts";

export interface RunOptions {
  /** Samples of each variant. */
  readonly moves: number;
  /** Only variants whose id matches. */
  readonly only: RegExp;
  /** What is under way is brought to its end first. */
  readonly stop: AbortSignal;
  say(line: string): void;
}

/** After so many steps that failed a variant is given up. */
const MOST_FAILURES = 2;

/**
 * Takes what lacks of every chosen variant's samples, one lab after the other, the variants of a lab in turns, so that
 * a machine's noise hits all alike. Resolves with what went wrong, one sentence each; labs are gone, whatever happened.
 */
export async function run(samples: Samples, options: RunOptions): Promise<readonly string[]> {
  const faults: string[] = [];
  const withVirsh = await isLibvirtThere();
  for (const rttMs of ROUND_TRIPS_MS) {
    const chosen = variantsAt(rttMs).filter(({ id }) => options.only.test(id));
    const possible = chosen.filter(({ kind }) => kind !== "virsh" || withVirsh);
    for (const { id } of chosen.filter((variant) => !possible.includes(variant))) {
      options.say(`left out: ${id}: virsh and libvirtd are not installed here, and only this comparison needs them`);
    }
    try {
      faults.push(...(await runAt(rttMs, possible, samples, options)));
    } catch (thrown) {
      faults.push(`the lab at ${rttMs} ms: ${reasonOf(thrown)}`);
    }
  }
  return faults;
}

async function runAt(
  rttMs: number,
  variants: readonly Variant[],
  samples: Samples,
  options: RunOptions,
): Promise<readonly string[]> {
  const { moves, stop, say } = options;
  const failures = new Map<string, number>();
  const open = () =>
    variants.filter((variant) => {
      const givenUp = (failures.get(variant.id) ?? 0) >= MOST_FAILURES;
      return !givenUp && samples.count(variant.id) < samplesWanted(variant, moves);
    });
  if (open().length === 0 || stop.aborted) return [];
  const faults: string[] = [];
  say(`Building a lab with a round trip of ${rttMs} ms`);
  let bench = await openLab(rttMs);
  try {
    for (let round = open(); round.length > 0 && !stop.aborted; round = open()) {
      for (const variant of round) {
        if (stop.aborted) break;
        const lacking = samplesWanted(variant, moves) - samples.count(variant.id);
        try {
          const taken = await step(bench, variant, lacking > 1 ? 2 : 1);
          await samples.add(taken);
          for (const sample of taken) say(lineOf(sample));
          faults.push(...taken.flatMap((one) => (one.kind === "move" ? one.faults : [])));
        } catch (thrown) {
          // Whoever stops a run from a terminal stops what it started too.
          if (stop.aborted) break;
          const fault = `${variant.id}: ${reasonOf(thrown)}`;
          say(`FAILED ${fault}`);
          faults.push(fault);
          failures.set(variant.id, (failures.get(variant.id) ?? 0) + 1);
          // What a failed step left must not weigh on the next one.
          bench = await openLab(rttMs);
        }
      }
    }
  } finally {
    await closeLab(bench);
  }
  return faults;
}

async function step(bench: BenchLab, variant: Variant, wanted: 1 | 2): Promise<readonly Sample[]> {
  switch (variant.kind) {
    case "move":
      return await measureTrips(bench, variant, wanted);
    case "virsh":
      return [await measureVirsh(bench, variant)];
    case "copy":
      return [await measureCopy(bench, variant)];
  }
}

function lineOf(sample: Sample): string {
  if (sample.kind === "copy") {
    return `${sample.variant}: disk ${sample.diskMBps}, memory ${sample.memoryMBps}, one stream ${sample.streamMBps} MB/s`;
  }
  const { variant, blackoutMs, totalMs } = sample;
  const trip = sample.kind === "move" ? `, ${sample.trip} trip` : "";
  return `${variant}${trip}: blackout ${blackoutMs} ms, whole move ${(totalMs / 1000).toFixed(1)} s`;
}
