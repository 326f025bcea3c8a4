import * as Plot from "@observablehq/plot";
import type { Markup } from "../markup.ts";
import { duration } from "../wording.ts";
import { drawn, type Naming } from "./drawing.ts";

/** The beginning of a pass over the memory: what had crossed, and what was left. */
export interface Step {
  readonly atMs: number;
  readonly sentBytes: number;
  readonly remainingBytes: number;
}

/** What is left falls while what was sent rises; the dots are the passes. */
export function drawConvergence(naming: Naming, width: number, steps: readonly Step[]): Markup {
  const narrow = width < 500;
  const line = (height: "sentBytes" | "remainingBytes", stroke: string) => [
    Plot.line(steps, { x: "atMs", y: (step) => step[height] / 1e6, stroke, strokeWidth: 2.5 }),
    Plot.dot(steps, { x: "atMs", y: (step) => step[height] / 1e6, fill: stroke, r: 3.5 }),
  ];
  return drawn(naming, {
    ...{ width, height: narrow ? 240 : 280, marginLeft: 44, marginRight: 16, marginTop: 30, marginBottom: 34 },
    x: { nice: false },
    y: { zero: true, nice: true },
    marks: [
      Plot.gridY({ ticks: 5, stroke: "var(--line)", strokeOpacity: 1 }),
      Plot.axisY({ ticks: 5, tickSize: 0, label: null, fill: "var(--muted)" }),
      Plot.text(["MB"], { frameAnchor: "top-left", dx: -34, dy: -24, fill: "var(--muted)" }),
      Plot.axisX({ ticks: narrow ? 4 : 8, tickFormat: duration, tickSize: 0, label: null, fill: "var(--muted)" }),
      Plot.ruleY([0], { stroke: "var(--line)" }),
      ...line("sentBytes", "var(--plain)"),
      ...line("remainingBytes", "var(--away)"),
    ],
  });
}
