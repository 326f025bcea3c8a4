import type { Conditions } from "./conditions.ts";
import { givenUpLines } from "./given-up.ts";
import { type Cells, megabytes, table, told } from "./markdown.ts";
import { PAPER, PAPER_LOST_PINGS } from "./paper.ts";
import type { Ratios } from "./ratios.ts";
import type { Row } from "./rows.ts";
import type { CopySample, Sample, Samples } from "./samples.ts";
import { type Statistics, statisticsOf } from "./statistics.ts";
import { summarize } from "./summary.ts";
import { ROUND_TRIPS_MS } from "./variants.ts";

/** What the README shows of kept results: Markdown, from nothing but them. */
export function readmeTables({ all, runs }: Pick<Samples, "all" | "runs">): string {
  const { rows, ratios } = summarize(all);
  const parts = [
    `${origin(runs)} Median / mean (smallest–largest).`,
    ...ROUND_TRIPS_MS.flatMap((rttMs) => {
      const here = rows.filter((row) => row.rttMs === rttMs);
      return here.length === 0 ? [] : [noticed(rttMs, here)];
    }),
    ...givenUpLines(all),
    table(["ratio", "here", "paper"], sideBySide(ratios)),
    ...rates(all),
  ];
  return parts.join("\n\n");
}

function origin(runs: readonly Conditions[]): string {
  const machines = [...new Set(runs.map(({ machine }) => machineOf(machine)))];
  const commits = [...new Set(runs.map(({ commit }) => commit))];
  return machines.length === 0 ? "" : `Commit ${commits.join(", ")}, on ${machines.join("; ")}.`;
}

const machineOf = ({ processor, cores, memoryGiB, kernel, hypervisor }: Conditions["machine"]): string =>
  `${cores} cores (${processor}), ${memoryGiB} GiB, Linux ${kernel}, ${hypervisor}`;

/** One column for each variant, and where it is far the paper's. */
function noticed(rttMs: number, rows: readonly Row[]): string {
  const far = rttMs === ROUND_TRIPS_MS[0];
  const line = (name: string, cell: (row: Row) => string, paper: string): Cells => [
    ...[name, ...rows.map(cell)],
    ...(far ? [paper] : []),
  ];
  const { idle, loaded } = PAPER;
  const shown = (of: (row: Row) => Statistics | undefined) => (row: Row) => {
    const statistics = of(row);
    return statistics ? told(statistics) : "–";
  };
  return table(
    [
      `${rttMs} ms`,
      ...rows.map(({ variant }) => variant.replace(`${rttMs} ms `, "")),
      ...(far ? ["paper, idle; busy"] : []),
    ],
    [
      line("moves", ({ n }) => String(n), "–"),
      line(
        "blackout, ms",
        shown((row) => row.blackoutMs),
        `${idle.guestClockMs}; ${loaded.guestClockMs}, by the guest's clock`,
      ),
      line(
        "stream gap at the switchover, ms",
        shown((row) => row.streamGapMs),
        `${idle.streamGapMs}; ${loaded.streamGapMs}`,
      ),
      line(
        "of the whole move, ms",
        shown((row) => row.wholeMove?.streamGapMs),
        "–",
      ),
      line(
        "ping gap at the switchover, ms",
        shown((row) => row.pingGapMs),
        `${idle.pingGapMs}; –`,
      ),
      line(
        "of the whole move, ms",
        shown((row) => row.wholeMove?.pingGapMs),
        "–",
      ),
      line(
        "pings lost there, one every 50 ms",
        shown((row) => row.lostPings),
        `${PAPER_LOST_PINGS}; –`,
      ),
      line("largest gap before the switchover, stream; ping: median (largest), ms", beforeStop, "–"),
      line("blackout: control + last memory + flight + destination; gateway's turn, ms", split, "–"),
      line("memory sent, MB", ({ memoryBytes }) => megabytes(memoryBytes), "200"),
      line("disk sent, first trip / return, MB", disk, "not moved"),
      line("99 of 100 disk writes of the guest's took at most, ms", ({ writeP99Ms }) => String(writeP99Ms ?? "–"), "–"),
      line("whole move, s", ({ totalMs }) => (totalMs / 1000).toFixed(1), "–"),
    ],
  );
}

function split({ split: parts }: Row): string {
  if (!parts) return "–";
  const { controlMs, lastMemoryMs, flightMs, destinationMs, turnMs } = parts;
  return `${controlMs} + ${lastMemoryMs} + ${flightMs} + ${destinationMs}; ${turnMs}`;
}

const beforeStop = ({ beforeStop: gaps }: Row): string =>
  gaps ? [gaps.streamGapMs, gaps.pingGapMs].map(({ median, max }) => `${median} (${max})`).join("; ") : "–";

const disk = ({ diskBytes, returnDiskBytes }: Row): string =>
  diskBytes === undefined ? "–" : `${megabytes(diskBytes)} / ${megabytes(returnDiskBytes)}`;

function sideBySide(ratios: Ratios): readonly Cells[] {
  const named: readonly (readonly [string, Readonly<Record<string, number>>, string])[] = [
    ["blackout to one way of the path", ratios.blackoutToFloor, "–"],
    ["blackout, encrypted to not", ratios.tlsToNone, "–"],
    ["blackout, suspended to live", ratios.suspendedToLive, "50–100"],
    ["blackout, 198 ms to 1 ms", ratios.wanToLan, "5–10"],
    ["blackout to plain `virsh migrate --copy-storage-all`", ratios.blackoutToVirsh, "–"],
    ["blackout, far controller to near", ratios.farControllerBlackout, "–"],
    ["ping gap, far controller to near", ratios.farControllerPingGap, "–"],
    ["disk bytes, return to first trip", ratios.returnToFirstDiskBytes, "–"],
    ["rate of the copy to one stream through the same programs", ratios.copyToWay, "–"],
    ["rate of the copy to one TCP stream", ratios.copyToStream, "–"],
  ];
  return named
    .map(([name, values, paper]) => [
      ...[
        name,
        Object.entries(values)
          .map(([of, value]) => `${of}: ${value}`)
          .join("; "),
        paper,
      ],
    ])
    .filter(([, values]) => values !== "");
}

function rates(samples: readonly Sample[]): readonly string[] {
  const copies = samples.filter((sample) => sample.kind === "copy");
  if (copies.length === 0) return [];
  const variants = [...new Set(copies.map(({ variant }) => variant))];
  const cell = (variant: string, of: (copy: CopySample) => number) =>
    told(statisticsOf(copies.filter((copy) => copy.variant === variant).map(of)));
  const parts: readonly (readonly [string, (copy: CopySample) => number])[] = [
    ["disk", ({ diskMBps }) => diskMBps],
    ["one stream through nbdkit", ({ diskWayMBps }) => diskWayMBps],
    ["memory", ({ memoryMBps }) => memoryMBps],
    ["one stream through stunnel", ({ memoryWayMBps }) => memoryWayMBps],
    ["one TCP stream", ({ streamMBps }) => streamMBps],
  ];
  return [
    table(
      ["MB/s on the path, from 3 s after the start", ...variants],
      parts.map(([name, of]) => [name, ...variants.map((variant) => cell(variant, of))]),
    ),
  ];
}
