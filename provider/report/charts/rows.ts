import * as Plot from "@observablehq/plot";
import type { Markup } from "../markup.ts";
import { shortened } from "../wording.ts";
import { drawn, type Naming } from "./drawing.ts";

/** What a colour means: at the old site, at the new one, away, the matter at hand, what it is compared with. */
export type Tone = "from" | "to" | "away" | "plain" | "faint";

export const colour = (tone: Tone) => `var(--${tone})`;

/** One line of a chart: a name, bars and points on the scale of all rows, and a value. */
export interface Row {
  readonly label: string;
  readonly value: string;
  readonly bars?: readonly { readonly from: number; readonly to: number; readonly tone: Tone }[];
  readonly points?: readonly { readonly at: number; readonly tone: Tone }[];
  /** Begins a group: said in bold, with nothing beside it. */
  readonly heading?: boolean;
}

export interface RowsOptions {
  readonly domain: readonly [number, number];
  readonly tick: (value: number) => string;
  /** A stretch that all rows share, shaded. */
  readonly band?: { readonly from: number; readonly to: number; readonly tone: Tone };
}

/** Name, bar and value side by side; or, on a phone, name and value above the bar. Measures in CSS pixels. */
interface Layout {
  readonly row: number;
  readonly heading: number;
  readonly left: number;
  readonly right: number;
  /** From the row's top: the middle of the text, and the bar's upper and lower edge. */
  readonly text: number;
  readonly bar: readonly [top: number, bottom: number];
  readonly letters: number;
  readonly ticks: number;
}

const WIDE: Layout = { row: 28, heading: 38, left: 270, right: 84, text: 14, bar: [8, 20], letters: 40, ticks: 5 };
const NARROW: Layout = { row: 42, heading: 36, left: 20, right: 16, text: 12, bar: [23, 32], letters: 36, ticks: 3 };
const NARROW_BELOW = 500;
/** A band that takes less of the width than this would be lost as a mere tint. */
const SLIVER = 0.05;
const TOP = 4;
const AXIS = 30;

/** Rows from the top down. */
export function drawRows(naming: Naming, width: number, rows: readonly Row[], options: RowsOptions): Markup {
  const layout = width < NARROW_BELOW ? NARROW : WIDE;
  let bottom = 0;
  const placed = rows.map((row) => {
    const top = bottom;
    bottom += row.heading ? layout.heading : layout.row;
    const label = shortened(row.label, layout.letters);
    return { ...row, label, top, textAt: row.heading ? bottom - 12 : top + layout.text };
  });
  return drawn(naming, {
    ...{ width, height: TOP + bottom + AXIS, marginTop: TOP, marginBottom: AXIS },
    ...{ marginLeft: layout.left, marginRight: layout.right },
    x: { domain: [...options.domain] },
    y: { domain: [0, bottom], range: [TOP, TOP + bottom], axis: null },
    marks: [background(layout, bottom, options), marks(layout, placed), words(layout, placed)],
  });
}

type Placed = Row & { readonly top: number; readonly textAt: number };

function background({ ticks }: Layout, bottom: number, { band, domain, tick }: RowsOptions): Plot.Markish {
  const bands = band ? [band] : [];
  const share = band ? (band.to - band.from) / (domain[1] - domain[0]) : 0;
  const stroke = "var(--line)";
  return [
    Plot.rect(bands, {
      x1: "from",
      x2: "to",
      y1: 0,
      y2: bottom,
      fill: ({ tone }) => colour(tone),
      fillOpacity: share < SLIVER ? 0.7 : 0.14,
    }),
    Plot.gridX({ ticks, stroke, strokeOpacity: 1 }),
    Plot.axisX({ ticks, tickFormat: tick, tickSize: 0, label: null, fill: "var(--muted)" }),
    Plot.ruleX(domain.slice(0, 1), { stroke }),
  ];
}

function marks({ bar: [top, bottom] }: Layout, rows: readonly Placed[]): Plot.Markish {
  const bars = rows.flatMap((row) =>
    (row.bars ?? []).map((bar) => ({ ...bar, y1: row.top + top, y2: row.top + bottom })),
  );
  const points = rows.flatMap((row) => (row.points ?? []).map((one) => ({ ...one, y: row.top + (top + bottom) / 2 })));
  const fill = ({ tone }: { readonly tone: Tone }) => colour(tone);
  return [
    // A stage of some milliseconds is still to be seen.
    Plot.rect(bars, { x1: "from", x2: "to", y1: "y1", y2: "y2", fill, stroke: fill, strokeWidth: 1.5 }),
    Plot.dot(points, { x: "at", y: "y", r: 5, fill }),
  ];
}

function words({ left, right }: Layout, rows: readonly Placed[]): Plot.Markish {
  const own = rows.filter(({ heading }) => !heading);
  const style = { y: "textAt", fill: "var(--text)" };
  const atStart = { ...style, frameAnchor: "left", dx: 2 - left, text: "label" } as const;
  return [
    Plot.text(own, atStart),
    Plot.text(
      rows.filter(({ heading }) => heading),
      { ...atStart, fontWeight: "bold" },
    ),
    Plot.text(own, { ...style, frameAnchor: "right", dx: right - 2, text: "value", fontWeight: "bold" }),
  ];
}
