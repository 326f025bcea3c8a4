import { type Away, type Sweep, sweepOf } from "../away.ts";
import { figure } from "../charts/figure.ts";
import { drawRadar } from "../charts/radar.ts";
import { drawSine, type Ends } from "../charts/sine.ts";
import { html, type Markup } from "../markup.ts";
import { duration, moment } from "../wording.ts";

const WIDE_SINE_PX = 540;
/** Faster turns than the eye follows, or slower ones than it waits for, are shown at this pace. */
const SLOWEST_TURN_MS = 5_000;

/** A sine and a radar on which the time away is a missing piece, to scale, and controls that let them run. */
export function sweepSection(away: Away, ends: Ends): Markup {
  const sweep = sweepOf(away.ms);
  return html`<section class="sweep" aria-labelledby="sweep-heading" data-sweep data-from-ms="${sweep.fromMs}" data-to-ms="${sweep.toMs}" data-away-ms="${sweep.awayMs}" data-period-ms="${sweep.periodMs}" data-turn-ms="${Math.min(sweep.periodMs, SLOWEST_TURN_MS)}">
<h2 id="sweep-heading">What was missing</h2>
<p>${paceOf(sweep)} ${sharePercent(sweep)} % of one turn is missing: the time the VM was away. Before it, it ran at ${ends.from}; after it, at ${ends.to}.</p>
<div class="scopes">
<figure>${drawRadar(radarNaming(away, ends, sweep), sweep, ends)}</figure>
${figure(
  {
    id: "sine",
    title: "A sine with a missing piece",
    description: `The curve stops when the guest stops at ${ends.from} and goes on ${duration(away.ms)} later at ${ends.to}, where it would have been.`,
    draw: (naming, widthPx) => drawSine(naming, widthPx, sweep, ends),
    table: tableOf(sweep, ends),
  },
  WIDE_SINE_PX,
)}
</div>
${controls(sweep, ends)}
</section>`;
}

function paceOf({ periodMs }: Sweep): string {
  const pace = periodMs === 1_000 ? "One turn a second" : `One turn in ${duration(periodMs)}`;
  return periodMs > SLOWEST_TURN_MS ? `${pace}, shown faster.` : `${pace}.`;
}

const sharePercent = ({ awayMs, periodMs }: Sweep) => Number(((100 * awayMs) / periodMs).toPrecision(2));

function radarNaming(away: Away, ends: Ends, sweep: Sweep) {
  return {
    id: "radar",
    title: "A radar sweep with a missing sector",
    description: `One turn takes ${duration(sweep.periodMs)}. A sector of ${sharePercent(sweep)} % of it, ${duration(away.ms)}, was not swept: the VM was away between ${ends.from} and ${ends.to}.`,
  };
}

function tableOf({ awayMs, fromMs, toMs }: Sweep, { from, to }: Ends) {
  const row = (what: string, start: number, end: number) => [what, moment(start), moment(end), duration(end - start)];
  return {
    head: ["What is drawn", "from", "to", "length"],
    rows: [row(`runs at ${from}`, fromMs, 0), row("away", 0, awayMs), row(`runs at ${to}`, awayMs, toMs)],
  };
}

/** Hidden until the page's script is there to serve them. */
function controls({ fromMs, toMs }: Sweep, { from, to }: Ends): Markup {
  return html`<div class="controls" data-controls hidden>
<button type="button" data-play>Sweep</button>
<button type="button" data-slow aria-pressed="false">Slow motion</button>
<label>Moment <input type="range" data-moment min="${Math.round(fromMs)}" max="${Math.round(toMs)}" step="any" value="${Math.round(fromMs)}"></label>
<span class="readout" data-readout data-at-from="at ${from}" data-at-to="at ${to}" data-at-none="away"></span>
</div>`;
}
