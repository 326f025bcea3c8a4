import { reasonOf } from "../../../provider/errors.ts";
import { measureCopy } from "./copy.ts";
import { fromAfar } from "./far.ts";
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

/** After so many steps that failed, or that never came to an end, a variant is given up. */
const MOST_FAILURES = 2;

/**
 * Takes what lacks of every chosen variant's samples, one lab after the other, the variants of a lab in turns, so that
 * a machine's noise hits all alike. Resolves with what failed, one sentence each; labs are gone, whatever happened.
 */
export async function run(samples: Samples, options: RunOptions): Promise<readonly string[]> {
  const failures: string[] = [];
  const withVirsh = await isLibvirtThere();
  for (const rttMs of ROUND_TRIPS_MS) {
    const chosen = variantsAt(rttMs).filter(({ id }) => options.only.test(id));
    const possible = chosen.filter(({ kind }) => kind !== "virsh" || withVirsh);
    for (const { id } of chosen.filter((variant) => !possible.includes(variant))) {
      options.say(`left out: ${id}: virsh and libvirtd are not installed here, and only this comparison needs them`);
    }
    const session = new Session(rttMs, possible, samples, options);
    await session.run().catch((thrown: unknown) => failures.push(`the lab at ${rttMs} ms: ${reasonOf(thrown)}`));
    failures.push(...session.failures.map(({ variant, reason }) => `${variant.id}: ${reason}`));
  }
  return failures;
}

/** The variants of one lab. */
class Session {
  readonly failures: { readonly variant: Variant; readonly reason: string }[] = [];
  readonly #rttMs: number;
  readonly #variants: readonly Variant[];
  readonly #samples: Samples;
  readonly #options: RunOptions;

  constructor(rttMs: number, variants: readonly Variant[], samples: Samples, options: RunOptions) {
    this.#rttMs = rttMs;
    this.#variants = variants;
    this.#samples = samples;
    this.#options = options;
  }

  async run(): Promise<void> {
    if (this.#next().length === 0) return;
    this.#options.say(`Building a lab with a round trip of ${this.#rttMs} ms`);
    let bench = await openLab(this.#rttMs);
    try {
      for (let round = this.#next(); round.length > 0; round = this.#next()) {
        for (const variant of round) {
          if (this.#options.stop.aborted) return;
          // What a failed step left must not weigh on the next one.
          if (!(await this.#take(bench, variant))) bench = await openLab(this.#rttMs);
        }
      }
    } finally {
      await closeLab(bench);
    }
  }

  /** The variants of the next round: those that lack samples and were not given up. */
  #next(): readonly Variant[] {
    if (this.#options.stop.aborted) return [];
    const failed = (variant: Variant) =>
      this.failures.filter((one) => one.variant === variant).length + this.#samples.givenUp(variant.id).length;
    return this.#variants.filter((variant) => this.#lacking(variant) > 0 && failed(variant) < MOST_FAILURES);
  }

  #lacking(variant: Variant): number {
    return samplesWanted(variant, this.#options.moves) - this.#samples.count(variant.id);
  }

  async #take(bench: BenchLab, variant: Variant): Promise<boolean> {
    const { say, stop } = this.#options;
    try {
      const taken = await measure(bench, variant, this.#lacking(variant) > 1 ? 2 : 1);
      await this.#samples.add(taken);
      for (const sample of taken) say(lineOf(sample));
      return true;
    } catch (thrown) {
      // Whoever stops a run from a terminal stops what it started too.
      if (stop.aborted) return true;
      this.failures.push({ variant, reason: reasonOf(thrown) });
      say(`FAILED ${variant.id}: ${reasonOf(thrown)}`);
      return false;
    }
  }
}

async function measure(bench: BenchLab, variant: Variant, wanted: 1 | 2): Promise<readonly Sample[]> {
  switch (variant.kind) {
    case "move":
    case "suspended":
      return variant.controllerRttMs === undefined
        ? await measureTrips(bench, variant, wanted)
        : await fromAfar(bench, variant.controllerRttMs, (afar) => measureTrips(afar, variant, wanted));
    case "virsh":
      return [await measureVirsh(bench, variant)];
    case "copy":
      return [await measureCopy(bench, variant)];
  }
}

function lineOf(sample: Sample): string {
  if (sample.kind === "copy") {
    const { variant, diskMBps, memoryMBps, streamMBps } = sample;
    return `${variant}: disk ${diskMBps}, memory ${memoryMBps}, one TCP stream ${streamMBps} MB/s`;
  }
  if (sample.kind === "given-up") return `${sample.variant}: given up after ${seconds(sample.afterMs)} s`;
  const { variant, blackoutMs, totalMs } = sample;
  const trip = sample.kind === "move" ? `, ${sample.trip} trip` : "";
  return `${variant}${trip}: blackout ${blackoutMs} ms, whole move ${seconds(totalMs)} s`;
}

const seconds = (ms: number): string => (ms / 1000).toFixed(1);
