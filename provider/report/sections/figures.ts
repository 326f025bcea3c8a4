import { figure } from "../charts/figure.ts";
import { drawRows, type Row } from "../charts/rows.ts";
import type { ReportInput } from "../input.ts";
import { html, type Markup } from "../markup.ts";
import { duration } from "../wording.ts";

/**
 * "Seamless live migration of virtual machines over the MAN/WAN" (2006), tables 1 to 3: a guest of 200 MB at a round
 * trip of 175 ms, without its disk; means, idle and at work. The ping was measured once, at 50 ms intervals.
 */
const PAPER = {
  rttMs: 175,
  guestMs: { idle: 315, busy: 1939 },
  streamMs: { idle: 230, busy: 1940 },
  pingMs: 3809,
  lostPings: 76,
} as const;

interface Measure {
  readonly name: string;
  readonly ms: number;
  readonly paper: readonly { readonly label: string; readonly ms: number }[];
}

const loads = ({ idle, busy }: { readonly idle: number; readonly busy: number }) => [
  { label: "paper, idle guest", ms: idle },
  { label: "paper, guest at work", ms: busy },
];

function measuresOf({ move, observed }: ReportInput): Measure[] {
  const seen = observed
    ? [
        { name: "By the guest's own clock", ms: observed.guestMs, paper: loads(PAPER.guestMs) },
        { name: "By a client's TCP stream", ms: observed.streamMs, paper: loads(PAPER.streamMs) },
        { name: "By ping", ms: observed.pingMs, paper: [{ label: "paper", ms: PAPER.pingMs }] },
      ]
    : [];
  const paper = observed ? [] : loads(PAPER.guestMs);
  if (move.blackoutMs === undefined) return seen;
  return [...seen, { name: "Stop to resumption, by hypervisor", ms: move.blackoutMs, paper }];
}

/** How long the VM was away for each who looked, beside the figures of the paper. */
export function figuresSection(input: ReportInput): Markup | undefined {
  const measures = measuresOf(input);
  if (measures.length === 0) return undefined;
  const rows = measures.flatMap(({ name, ms, paper }): Row[] => [
    { label: name, value: "", heading: true },
    { label: "this move", value: duration(ms), bars: [{ from: 0, to: ms, tone: "away" }] },
    ...paper.map(
      (one): Row => ({ label: one.label, value: duration(one.ms), bars: [{ from: 0, to: one.ms, tone: "faint" }] }),
    ),
  ]);
  const longest = Math.max(...measures.flatMap(({ ms, paper }) => [ms, ...paper.map((one) => one.ms)]));
  return html`<section aria-labelledby="figures-heading">
<h2 id="figures-heading">Away, by who looked</h2>
<p>${introduction(input)}</p>
${figure({
  id: "figures",
  title: "Time away beside the paper's figures",
  description: measures.map(({ name, ms }) => `${name}: ${duration(ms)}.`).join(" "),
  draw: (naming, widthPx) =>
    drawRows(naming, widthPx, rows, { domain: [0, Math.max(1, longest) * 1.02], tick: duration }),
  caption: lostPings(input),
  table: tableOf(input, measures),
})}
</section>`;
}

function introduction({ observed, move: { mode } }: ReportInput): string {
  const otherMode = mode === "suspended" ? " They are of live moves, and this VM was suspended." : "";
  const paper = `The paper's figures are of 2005: memory alone, at a round trip of ${PAPER.rttMs} ms.${otherMode}`;
  return observed
    ? `Each figure is the largest gap of the whole move, from its first command to its last. ${paper}`
    : paper;
}

function lostPings({ observed }: ReportInput): string | undefined {
  if (!observed) return undefined;
  return `Of pings sent every 50 ms, ${observed.lostPings} got no reply; in the paper, ${PAPER.lostPings}.`;
}

function tableOf({ observed }: ReportInput, measures: readonly Measure[]) {
  const cells = ({ name, ms, paper }: Measure) => [
    name,
    duration(ms),
    paper.map((one) => `${one.label}: ${duration(one.ms)}`).join("; ") || "–",
  ];
  const lost = observed ? [["Pings lost, one every 50 ms", String(observed.lostPings), String(PAPER.lostPings)]] : [];
  return { head: ["Away", "this move", "paper, 2005"], rows: [...measures.map(cells), ...lost] };
}
