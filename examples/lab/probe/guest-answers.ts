import { z } from "zod";

const gapFields = z.tuple([
  z.enum(["stop", "stall"]),
  z.coerce.number(),
  z.coerce.number(),
  z.coerce.number(),
  z.enum(["settled", "open"]),
]);

/** A time (a stop from 5 ms, a stall from 50 ms on) in which the guest did not run, as its own 0.2 ms loop saw it. */
export interface GuestGap {
  /** `stop`: the guest's clock stood still too, so the wall clock told. `stall`: the guest's clock ran on. */
  readonly kind: "stop" | "stall";
  /** Two stops less than about a second apart are one, as long as both. */
  readonly lengthMs: number;
  readonly uncertaintyMs: number;
  /** On the guest's own clock: the end of a stall; for a stop, the moment it was found, at most 1 s after its end. */
  readonly guestAtMs: number;
  /** False while more may be learnt of its length. */
  readonly settled: boolean;
}

/** @throws ZodError if the guest speaks another protocol */
export function parseGap(line: string): GuestGap {
  const [kind, lengthMs, uncertaintyMs, guestAtMs, state] = gapFields.parse(line.split(" "));
  return { kind, lengthMs, uncertaintyMs, guestAtMs, settled: state === "settled" };
}

const statistics = z.object({
  /** The guest's own clock, which stands still while it is stopped. */
  atMs: z.coerce.number(),
  /** Rounds of the 0.2 ms clock loop. */
  iterations: z.coerce.number(),
  dirtiedBytes: z.coerce.number(),
  writtenBytes: z.coerce.number(),
  writeErrors: z.coerce.number(),
  memoryMBps: z.coerce.number(),
  workingSetMiB: z.coerce.number(),
  diskMBps: z.coerce.number(),
});

/** Counts since the guest started, and the load it is under. */
export type GuestStatistics = z.output<typeof statistics>;

/** @throws ZodError if the guest speaks another protocol */
export function parseStatistics(line: string): GuestStatistics {
  return statistics.parse(wordsOf(line));
}

const reading = z.object({
  newest: z.coerce.number(),
  records: z.coerce.number(),
  bad: z.coerce.number(),
  errors: z.coerce.number(),
  longestMs: z.coerce.number(),
});

/** What the guest found when it read its diary. */
export interface DiaryReading {
  /** The newest record that it knows to be durable; 0 if there is none. */
  readonly newest: number;
  /** Records that must be there. */
  readonly records: number;
  /** Of these, how many are not. */
  readonly bad: number;
  /** Writes that failed. */
  readonly errors: number;
  /** The longest that a write took, by the guest's own clock. */
  readonly longestMs: number;
}

/** @throws ZodError if the guest speaks another protocol */
export function parseReading(line: string): DiaryReading {
  return reading.parse(wordsOf(line));
}

/** `ok a=1 b=2` → `{a: "1", b: "2"}`. */
function wordsOf(line: string): Record<string, string> {
  const words = line.split(" ").slice(1);
  return Object.fromEntries(words.map((word) => word.split("=", 2)));
}
