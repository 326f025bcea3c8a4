import type { MoveRecord } from "../../controller/placement.ts";
import { figure } from "../charts/figure.ts";
import { drawRows, type Row } from "../charts/rows.ts";
import type { ReportInput } from "../input.ts";
import { html, type Markup } from "../markup.ts";
import { duration, moment } from "../wording.ts";

/** An event by a reader's words; `site` is where it happened. */
const WORDS: readonly (readonly [pattern: RegExp, say: (site: string, detail: string) => string])[] = [
  [/^source STOP$/, (site) => `the guest stops at ${site}`],
  [/^destination RESUME$/, (site) => `the guest runs at ${site}`],
  [/ MIGRATION active$/, (site) => `memory begins to cross, at ${site}`],
  [/ MIGRATION pre-switchover$/, () => "little memory is left"],
  [/ BLOCK_JOB_COMPLETED (?:mirror-)?(.*)$/, (_, disk) => `disk ${disk} is the same at both`],
  [/ MIGRATION device$/, (site) => `the last of it leaves ${site}`],
  [/^destination MIGRATION completed$/, (site) => `all has arrived at ${site}`],
  [/^source MIGRATION completed$/, (site) => `${site} knows it is over`],
  [/ turned$/, () => "the clients' gateway has turned"],
  [/ flushed$/, (site) => `the disks are flushed at ${site}`],
];

interface Point {
  readonly label: string;
  readonly atMs: number;
  readonly at: "from" | "to";
}

function pointsOf({ timelineMs, from, to }: MoveRecord): Point[] {
  return Object.entries(timelineMs)
    .map(([event, atMs]) => {
      const at = event.startsWith("source ") ? ("from" as const) : ("to" as const);
      return { label: labelOf(event, at === "from" ? from : to), atMs, at };
    })
    .sort((a, b) => a.atMs - b.atMs);
}

function labelOf(event: string, site: string): string {
  for (const [pattern, say] of WORDS) {
    const found = pattern.exec(event);
    if (found) return say(site, found[1] ?? "");
  }
  return event;
}

/** The switchover, enlarged: each point of it on the hosts' clock, and what a client noticed. */
export function switchoverSection(input: ReportInput): Markup | undefined {
  const { move } = input;
  const points = pointsOf(move);
  const resumeMs = move.timelineMs["destination RESUME"];
  if (move.timelineMs["source STOP"] !== 0 || resumeMs === undefined || resumeMs <= 0) return undefined;
  const gap = streamGapOf(input, resumeMs);
  const near = points.filter(({ atMs }) => atMs >= -resumeMs && atMs <= 3 * resumeMs);
  const ends = [0, resumeMs, ...near.map(({ atMs }) => atMs), ...(gap ? [gap.from, gap.to] : [])];
  const [startMs, endMs] = [Math.min(...ends), Math.max(...ends)];
  const paddingMs = (endMs - startMs) * 0.06;
  const rows: Row[] = [
    { label: "no guest runs", value: duration(resumeMs), bars: [{ from: 0, to: resumeMs, tone: "away" }] },
    ...(gap ? [gapRow(gap)] : []),
    ...near.map(({ label, atMs, at }): Row => ({ label, value: moment(atMs), points: [{ at: atMs, tone: at }] })),
  ];
  return html`<section aria-labelledby="switchover-heading">
<h2 id="switchover-heading">The switchover, enlarged</h2>
<p>Times are from the moment the guest stopped at ${move.from}.${still(move)}${fibre(input, resumeMs)}${around(input, resumeMs)}</p>
${figure({
  id: "switchover",
  title: "Points of the switchover",
  description: near.map(({ label, atMs }) => `${moment(atMs)}: ${label}.`).join(" "),
  draw: (naming, widthPx) =>
    drawRows(naming, widthPx, rows, {
      ...{ domain: [startMs - paddingMs, endMs + paddingMs], tick: moment },
      band: { from: 0, to: resumeMs, tone: "away" },
    }),
  caption: html`<span class="key from">${move.from}</span> <span class="key to">${move.to}</span> <span class="key away">away</span>`,
  table: {
    head: ["What happened", "when", "where"],
    rows: points.map(({ label, atMs, at }) => [label, moment(atMs), at === "from" ? move.from : move.to]),
  },
})}
</section>`;
}

const still = ({ mode }: MoveRecord) =>
  mode === "suspended" ? " The move was not live: the guest stood still for the whole copy of its memory." : "";

/** The last of the state has to cross once, whoever carries it. */
function fibre({ move, observed }: ReportInput, resumeMs: number): string {
  const onceMs = (move.path.rttMs ?? observed?.rttMs ?? 0) / 2;
  if (onceMs <= 0 || onceMs >= resumeMs) return "";
  return ` Of the ${duration(resumeMs)}, ${duration(onceMs)} is the way itself: the last of the memory has to cross it once.`;
}

/** A guest that is kept from running just before or after has been away for longer than the hypervisors tell. */
function around({ observed }: ReportInput, resumeMs: number): string {
  if (observed === undefined || observed.guestMs < 1.1 * resumeMs) return "";
  return ` By its own clock the guest missed ${duration(observed.guestMs)}: it also waited around the stop.`;
}

interface Gap {
  readonly from: number;
  readonly to: number;
}

/** The client's gap on the same clock, if it is the switchover's. */
function streamGapOf({ move, observed }: ReportInput, resumeMs: number): Gap | undefined {
  if (!observed?.streamGap || move.stopAtMs === undefined) return undefined;
  const from = observed.streamGap.startAtMs - move.stopAtMs;
  const to = from + observed.streamGap.lengthMs;
  return to > 0 && from < resumeMs * 2 ? { from, to } : undefined;
}

function gapRow({ from, to }: Gap): Row {
  return { label: "a client's TCP stream is silent", value: duration(to - from), bars: [{ from, to, tone: "faint" }] };
}
