import type { Row } from "./rows.ts";
import type { Sample } from "./samples.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import type { Summary } from "./summary.ts";

type Cells = readonly string[];

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
  "disk dirtied. Disk: first trip / return. Writes: the guest's to its disk during the move, 99 of 100 within.";

/** Markdown: what was noticed, where the blackout's time went, and the ratios. */
export function tables(samples: readonly Sample[], { rows, ratios }: Summary): string {
  const ours = rows.filter(({ encryption }) => encryption !== undefined);
  const head = ["variant", "n", "blackout, ms", "stream gap at the switchover, ms", "whole, ms"];
  const more = ["ping gap at the switchover, ms", "whole, ms", "lost of 50 ms pings there", "whole"];
  const parts = [
    CAPTION,
    table([...head, ...more, "move, s", "memory, MB", "disk, MB", "writes, ms"], [...rows.map(noticed), ...PAPER]),
    "Where the blackout's time goes, medians in ms; the turn of the client's gateway comes after it:",
    table(["variant", "control", "last memory", "flight", "destination", "turn"], ours.flatMap(split)),
    "Side by side in this run:",
    table(
      ["ratio", "of", "here", "paper"],
      [
        ...ratioRows("blackout to one way of the path", ratios.blackoutToFloor, "–"),
        ...ratioRows("blackout, 198 ms to 1 ms", ratios.wanToLan, "5–10"),
        ...ratioRows("blackout to plain `virsh migrate --copy-storage-all`", ratios.blackoutToVirsh, "–"),
        ...ratioRows("blackout, encrypted to not", ratios.tlsToNone, "–"),
        ...ratioRows("disk bytes, return to first trip", ratios.returnToFirstDiskBytes, "–"),
        ...ratioRows("rate of a copy to one TCP stream", ratios.copyToStream, "–"),
      ],
    ),
    "Rates on the path, from 3 s after each one's start:",
    table(["variant", "n", "disk, MB/s", "memory, MB/s", "one TCP stream, MB/s"], rates(samples)),
    "Live to non-live is not among them: there is no move that is not live.",
  ];
  return parts.join("\n\n");
}

function noticed(row: Row): Cells {
  const { wholeMove: whole } = row;
  const shown = (statistics: Statistics | undefined) => (statistics ? told(statistics) : "–");
  const megabytes = (bytes: number | undefined) => (bytes === undefined ? "–" : (bytes / 1e6).toFixed(1));
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
    const rate = (of: (copy: (typeof own)[number]) => number) => told(statisticsOf(own.map(of)));
    const [disk, memory] = [rate(({ diskMBps }) => diskMBps), rate(({ memoryMBps }) => memoryMBps)];
    return [variant, String(own.length), disk, memory, rate(({ streamMBps }) => streamMBps)];
  });
}

function told({ min, median, mean, max }: Statistics): string {
  return min === max ? String(median) : `${median} / ${mean} (${min}–${max})`;
}

function table(head: Cells, rows: readonly Cells[]): string {
  if (rows.length === 0) return "(nothing measured)";
  const line = (cells: Cells) => `| ${cells.join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join("\n");
}
