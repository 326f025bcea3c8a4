import type { CopySample, Sample } from "./samples.ts";
import { hundredths, statisticsOf } from "./statistics.ts";

type Ratio = Readonly<Record<string, number>>;

export interface CopyRatios {
  /** Of a copy's rate to that of one TCP stream on the same path. */
  readonly copyToStream: Ratio;
  /** Of a copy's rate to that of one stream through the same programs, its way. */
  readonly copyToWay: Ratio;
  /** Of one stream through the programs of a way to one TCP stream. */
  readonly wayToStream: Ratio;
}

/** Medians of ratios, each of two rates that were measured one after the other. */
export function copyRatiosOf(samples: readonly Sample[]): CopyRatios {
  const copies = samples.filter((sample) => sample.kind === "copy");
  return {
    copyToStream: byPart(copies, {
      disk: ({ diskMBps, streamMBps }) => diskMBps / streamMBps,
      memory: ({ memoryMBps, streamMBps }) => memoryMBps / streamMBps,
    }),
    copyToWay: byPart(copies, {
      disk: ({ diskMBps, diskWayMBps }) => diskMBps / diskWayMBps,
      memory: ({ memoryMBps, memoryWayMBps }) => memoryMBps / memoryWayMBps,
    }),
    wayToStream: byPart(copies, {
      disk: ({ diskWayMBps, streamMBps }) => diskWayMBps / streamMBps,
      memory: ({ memoryWayMBps, streamMBps }) => memoryWayMBps / streamMBps,
    }),
  };
}

type Parts = Readonly<Record<"disk" | "memory", (copy: CopySample) => number>>;

function byPart(copies: readonly CopySample[], parts: Parts): Ratio {
  const variants = [...new Set(copies.map(({ variant }) => variant))];
  return Object.fromEntries(
    variants.flatMap((variant) => {
      const own = copies.filter((copy) => copy.variant === variant);
      return Object.entries(parts).map(([part, of]) => [
        `${variant}, ${part}`,
        // Statistics are rounded to tenths.
        hundredths(statisticsOf(own.map((copy) => 100 * of(copy))).median / 100),
      ]);
    }),
  );
}
