import { STAGES } from "../../../provider/controller/course.ts";
import type { WatchedMove } from "./watch.ts";

/** The paper's figures: idle guest of 200 MB, RTT 175 ms, mean (inside, outside); ping lost at 50 ms. */
const PAPER = { guest: "315", stream: "230", ping: "3809", lost: "76" } as const;

/** One table, a column a move, beside the paper's figures. */
export function figures(rttMs: number, moves: readonly WatchedMove[]): string {
  const seconds = (ms: number | undefined) => ((ms ?? 0) / 1000).toFixed(1);
  const megabytes = (bytes: number) => (bytes / 1e6).toFixed(1);
  const rows: readonly (readonly string[])[] = [
    ["", ...moves.map(({ from, to }) => `${from} → ${to}`), "paper, 2005"],
    ["TCP session survived", ...moves.map(({ tcpSurvived }) => (tcpSurvived ? "yes" : "NO")), "yes"],
    ["away, seen by the guest's clock, ms", ...moves.map(({ downtimeMs }) => String(downtimeMs.guest)), PAPER.guest],
    ["away, seen by the TCP stream, ms", ...moves.map(({ downtimeMs }) => String(downtimeMs.stream)), PAPER.stream],
    ["away, seen by ping, ms", ...moves.map(({ downtimeMs }) => String(downtimeMs.ping)), PAPER.ping],
    ["source STOP to destination RESUME, ms", ...moves.map(({ downtimeMs }) => String(downtimeMs.blackout)), "–"],
    ["pings lost, one every 50 ms", ...moves.map(({ lostPings }) => String(lostPings)), PAPER.lost],
    ["memory sent, MB", ...moves.map(({ memoryBytes }) => megabytes(memoryBytes)), "–"],
    ["disk sent, MB", ...moves.map(({ diskBytes }) => megabytes(diskBytes)), "not moved"],
    ["99 of 100 disk writes within, ms", ...moves.map(({ writeP99Ms }) => String(writeP99Ms ?? "none")), "–"],
    ["whole move, s", ...moves.map(({ totalMs }) => seconds(totalMs)), "–"],
    ...STAGES.map((stage) => [`  ${stage}, s`, ...moves.map(({ stages }) => seconds(stages[stage])), "–"]),
  ];
  const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? [];
  const line = (row: readonly string[]) =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join("  ");
  const rule = widths.map((width) => "─".repeat(width)).join("──");
  const title = `Round trip ${rttMs.toFixed(0)} ms. Gaps are the largest of the whole move, from before its first command.`;
  return [title, "", line(rows[0] ?? []), rule, ...rows.slice(1).map(line)].join("\n");
}
