import * as Plot from "@observablehq/plot";
import { type Sweep, turnsAt } from "../away.ts";
import type { Markup } from "../markup.ts";
import { duration, moment, shortened } from "../wording.ts";
import { drawn, type Naming } from "./drawing.ts";

const POINTS_PER_TURN = 120;
/** As the radar's: the tip of its beam and the curve are at the same height. */
export const HEIGHT_PX = 300;
export const MARGIN_PX = 40;

export interface Ends {
  readonly from: string;
  readonly to: string;
}

/** A sine with a turn for each turn of the sweep. While the VM is away there is no curve. */
export function drawSine(naming: Naming, width: number, sweep: Sweep, ends: Ends): Markup {
  const { awayMs, periodMs, fromMs, toMs } = sweep;
  const gap = [{ from: 0, to: awayMs }];
  const labels = [
    { at: awayMs / 2 - periodMs, text: `at ${shortened(ends.from, 10)}`, tone: "var(--from)" },
    { at: awayMs / 2, text: `away ${duration(awayMs)}`, tone: "var(--away)" },
    { at: awayMs / 2 + periodMs, text: `at ${shortened(ends.to, 10)}`, tone: "var(--to)" },
  ];
  const curve = (stroke: string, from: number, to: number) =>
    Plot.line(samples(sweep, from, to), { x: "at", y: "height", stroke, strokeWidth: 4, strokeLinecap: "butt" });
  return drawn(naming, {
    ...{ width, height: HEIGHT_PX, marginLeft: 10, marginRight: 10, marginTop: MARGIN_PX, marginBottom: MARGIN_PX },
    x: { domain: [fromMs, toMs] },
    y: { domain: [-1, 1], axis: null },
    marks: [
      Plot.rect(gap, { x1: "from", x2: "to", y1: -1, y2: 1, fill: "var(--away)", fillOpacity: 0.16 }),
      Plot.ruleX([0, awayMs], { stroke: "var(--away)", strokeDasharray: "3 3" }),
      Plot.ruleY([0], { stroke: "var(--line)" }),
      Plot.axisX(ticks(sweep), { tickFormat: moment, tickSize: 0, tickPadding: 12, label: null, fill: "var(--muted)" }),
      curve("var(--from)", fromMs, 0),
      curve("var(--to)", awayMs, toMs),
      Plot.text(labels, { x: "at", y: 1, dy: -20, text: "text", fill: ({ tone }) => tone, fontWeight: "bold" }),
    ],
  });
}

function samples(sweep: Sweep, fromMs: number, toMs: number): { at: number; height: number }[] {
  const count = Math.max(2, Math.ceil(((toMs - fromMs) / sweep.periodMs) * POINTS_PER_TURN));
  return Array.from({ length: count + 1 }, (_, index) => {
    const at = fromMs + ((toMs - fromMs) * index) / count;
    return { at, height: Math.cos(2 * Math.PI * turnsAt(sweep, at)) };
  });
}

/** One at the stop, and one each turn before and after it. */
function ticks({ periodMs }: Sweep): number[] {
  return [-periodMs, 0, periodMs];
}
