import { appendFile } from "node:fs/promises";
import { z } from "zod";
import { readIfThere } from "../../../examples/lab/files.ts";
import { type Conditions, conditions } from "./conditions.ts";

const ms = z.number().nonnegative();

/** Where a blackout's time went; the first four make it up. */
export const split = z.strictObject({
  /** The guest stands still; the source's pilot takes it off its bridge and ends the mirrors. */
  controlMs: z.number(),
  /** The rest of the memory, and the devices, leave the source. */
  lastMemoryMs: z.number(),
  /** One way along the path. */
  flightMs: ms,
  /** The destination has it all, records that the VM is there, and lets it run. */
  destinationMs: z.number(),
  /** Until the gateway has said that it turned: after the blackout, the first part of the stream's gap beyond it. */
  turnMs: z.number(),
});

/** What was noticed outside. */
const noticed = { streamGapMs: ms, pingGapMs: ms, lostPings: z.int().nonnegative() };

const moveSample = z.strictObject({
  kind: z.literal("move"),
  variant: z.string(),
  /** The first takes the whole disk along, the return what was written since. */
  trip: z.enum(["first", "return"]),
  blackoutMs: ms,
  /** At the switchover. */
  ...noticed,
  /** From before the first command to after the last. */
  wholeMove: z.strictObject(noticed),
  /** From before the first command to the source's STOP, without what comes of that; absent where it was not looked at. */
  beforeStop: z.strictObject({ streamGapMs: ms, pingGapMs: ms }).optional(),
  totalMs: ms,
  memoryBytes: z.number(),
  diskBytes: z.number(),
  /** Of the guest's disk writes during the move; absent if there were none. */
  writeP99Ms: ms.optional(),
  split: split.optional(),
  faults: z.array(z.string()),
});

const virshSample = z.strictObject({ kind: z.literal("virsh"), variant: z.string(), blackoutMs: ms, totalMs: ms });

/** Its memory was dirtied faster than it was sent: the VM stayed where it was. */
const givenUpSample = z.strictObject({ kind: z.literal("given-up"), variant: z.string(), afterMs: ms });

/** Rates in 10^6 bytes a second on the path, from 3 s after each one's start. */
const copySample = z.strictObject({
  kind: z.literal("copy"),
  variant: z.string(),
  diskMBps: z.number(),
  memoryMBps: z.number(),
  /** One TCP stream, from host to host. */
  streamMBps: z.number(),
  /** One stream through nbdkit, as the disk goes, to a disk that keeps nothing. */
  diskWayMBps: z.number(),
  /** One stream through the pair of stunnels, as the memory goes; in the clear there are none. */
  memoryWayMBps: z.number(),
});

export const sample = z.discriminatedUnion("kind", [moveSample, virshSample, givenUpSample, copySample]);
export type Sample = z.output<typeof sample>;
export type MoveSample = z.output<typeof moveSample>;
export type VirshSample = z.output<typeof virshSample>;
export type GivenUpSample = z.output<typeof givenUpSample>;
export type CopySample = z.output<typeof copySample>;
export type Split = z.output<typeof split>;

/** A line of a file of results. */
const line = z.union([conditions, sample]);

/** Samples, one a line of a file if one is named, behind what they were taken under: a run that was broken off goes on. */
export class Samples {
  readonly #file: string | undefined;
  readonly #all: Sample[];
  readonly #runs: Conditions[];

  private constructor(file: string | undefined, lines: readonly z.output<typeof line>[]) {
    this.#file = file;
    this.#runs = lines.filter((one) => one.kind === "run");
    this.#all = lines.filter((one) => one.kind !== "run");
  }

  /** Rejects if the file holds what is no sample. */
  static async open(file?: string): Promise<Samples> {
    const text = file === undefined ? undefined : await readIfThere(file);
    const lines = (text ?? "").split("\n").filter((one) => one !== "");
    return new Samples(
      file,
      lines.map((one) => line.parse(JSON.parse(one))),
    );
  }

  get all(): readonly Sample[] {
    return this.#all;
  }

  /** Under what they were taken, as far as it was noted. */
  get runs(): readonly Conditions[] {
    return this.#runs;
  }

  count(variant: string): number {
    return this.#all.filter((one) => one.variant === variant).length;
  }

  givenUp(variant: string): readonly GivenUpSample[] {
    return givenUpIn(this.#all).filter((one) => one.variant === variant);
  }

  /** What is added from now on is taken under these. */
  async begin(now: Conditions): Promise<void> {
    this.#runs.push(now);
    await this.#keep([now]);
  }

  async add(taken: readonly Sample[]): Promise<void> {
    this.#all.push(...taken);
    await this.#keep(taken);
  }

  async #keep(lines: readonly object[]): Promise<void> {
    if (this.#file !== undefined) await appendFile(this.#file, lines.map((one) => `${JSON.stringify(one)}\n`).join(""));
  }
}

export const givenUpIn = (samples: readonly Sample[]): readonly GivenUpSample[] =>
  samples.filter((one) => one.kind === "given-up");
