import { givenUpLines } from "./given-up.ts";
import { type Cells, megabytes, table, told } from "./markdown.ts";
import type { Row } from "./rows.ts";
import type { CopySample, Sample } from "./samples.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import type { Summary } from "./summary.ts";

/** The paper's moves were of memory alone, 200 MB, at 175 ms. */
const PAPER: readonly Cells[] = [
  [
    "paper, 175 ms idle",
    "–",
    "315, by the guest's clock",
    "230",
    "–",
    "3809",
    "–",
    "76",
    "–",
    "–",
    "–",
    "not moved",
    "–",
  ],
  [
    "paper, 175 ms loaded",
    "–",
    "1939, by the guest's clock",
    "1940",
    "–",
    "–",
    "–",
    "–",
    "–",
    "–",
    "–",
    "not moved",
    "–",
  ],
];

const CAPTION =
  "Median / mean (min–max). Blackout: source STOP to destination RESUME. At the switchover: from 100 ms before STOP to " +
  "1 s after RESUME; whole: from before the first command to after the last. Loaded: 30 MB/s of memory and 1 MB/s of " +
  "disk dirtied. Far: the controller 100 ms of round trip from sites, gateway and agents. Disk: first trip / return. Writes: the guest's to its disk during the move, 99 of 100 within.";

const RATES: readonly (readonly [string, (copy: CopySample) => number])[] = [
  ["disk", ({ diskMBps }) => diskMBps],
  ["memory", ({ memoryMBps }) => memoryMBps],
  ["one stream through nbdkit", ({ diskWayMBps }) => diskWayMBps],
  ["one stream through stunnel", ({ memoryWayMBps }) => memoryWayMBps],
  ["one TCP stream", ({ streamMBps }) => streamMBps],
];

/** Markdown: what was noticed, where the blackout's time went, and the ratios. */
export function tables(samples: readonly Sample[], { rows, ratios }: Summary): string {
  const ours = rows.filter(({ encryption }) => encryption !== undefined);
  const head = ["variant", "n", "blackout, ms", "stream gap at the switchover, ms", "whole, ms"];
  const more = ["ping gap at the switchover, ms", "whole, ms", "lost of 50 ms pings there", "whole"];
  const parts = [
    CAPTION,
    table([...head, ...more, "move, s", "memory, MB", "disk, MB", "writes, ms"], [...rows.map(noticed), ...PAPER]),
    ...givenUpLines(samples),
    "Where the blackout's time goes, medians in ms; the turn of the client's gateway comes after it:",
    table(["variant", "control", "last memory", "flight", "destination", "turn"], ours.flatMap(split)),
    "Side by side in this run:",
    table(
      ["ratio", "of", "here", "paper"],
      [
        ...ratioRows("to the paper's figure", ratios.toPaper, "1"),
        ...ratioRows("blackout to one way of the path", ratios.blackoutToFloor, "–"),
        ...ratioRows("blackout, 198 ms to 1 ms", ratios.wanToLan, "5–10"),
        ...ratioRows("blackout to plain `virsh migrate --copy-storage-all`", ratios.blackoutToVirsh, "–"),
        ...ratioRows("blackout, encrypted to not", ratios.tlsToNone, "–"),
        ...ratioRows("blackout, suspended to live", ratios.suspendedToLive, "50–100"),
        ...ratioRows("blackout, far controller to near", ratios.farControllerBlackout, "–"),
        ...ratioRows("ping gap, far controller to near", ratios.farControllerPingGap, "–"),
        ...ratioRows("disk bytes, return to first trip", ratios.returnToFirstDiskBytes, "–"),
        ...ratioRows("rate of a copy to one stream through the same programs", ratios.copyToWay, "–"),
        ...ratioRows("rate of a copy to one TCP stream", ratios.copyToStream, "–"),
        ...ratioRows("rate of one stream through those programs to one TCP stream", ratios.wayToStream, "–"),
      ],
    ),
    "Rates on the path, from 3 s after each one's start:",
    table(["variant", "n", ...RATES.map(([name]) => `${name}, MB/s`)], rates(samples)),
  ];
  return parts.join("\n\n");
}

function noticed(row: Row): Cells {
  const { wholeMove: whole } = row;
  const shown = (statistics: Statistics | undefined) => (statistics ? told(statistics) : "–");
  const disk = row.encryption === undefined ? "–" : `${megabytes(row.diskBytes)} / ${megabytes(row.returnDiskBytes)}`;
  return [
    ...[row.variant, String(row.n), told(row.blackoutMs), shown(row.streamGapMs), shown(whole?.streamGapMs)],
    ...[shown(row.pingGapMs), shown(whole?.pingGapMs), shown(row.lostPings), shown(whole?.lostPings)],
    ...[(row.totalMs / 1000).toFixed(1), megabytes(row.memoryBytes), disk, String(row.writeP99Ms ?? "–")],
  ];
}

function split({ variant, split: parts }: Row): readonly Cells[] {
  if (parts === undefined) return [];
  const { controlMs, lastMemoryMs, flightMs, destinationMs, turnMs } = parts;
  return [[variant, ...[controlMs, lastMemoryMs, flightMs, destinationMs, turnMs].map(String)]];
}

function ratioRows(name: string, values: Readonly<Record<string, number>>, paper: string): readonly Cells[] {
  return Object.entries(values).map(([of, value]) => [name, of, String(value), paper]);
}

function rates(samples: readonly Sample[]): readonly Cells[] {
  const copies = samples.filter((sample) => sample.kind === "copy");
  return [...new Set(copies.map(({ variant }) => variant))].map((variant) => {
    const own = copies.filter((copy) => copy.variant === variant);
    return [variant, String(own.length), ...RATES.map(([, of]) => told(statisticsOf(own.map(of))))];
  });
}
