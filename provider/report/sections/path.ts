import type { ReportInput } from "../input.ts";
import { html, type Markup } from "../markup.ts";

/** The way the move went: from site to site through each domain. */
export function pathSection({ move, observed }: ReportInput): Markup {
  const { hops, rttMs = observed?.rttMs, bandwidthMbps, connectionId } = move.path;
  const facts = [
    ["Round trip", rttMs === undefined ? undefined : `${Number(rttMs.toFixed(1))} ms`],
    ["Bandwidth", bandwidthMbps === undefined ? undefined : `${bandwidthMbps} Mbit/s`],
    ["Domains crossed", hops.length === 0 ? "none: a fixed link" : String(hops.length)],
    ["Connection", connectionId],
  ].filter(([, value]) => value !== undefined);
  return html`<section aria-labelledby="path-heading">
<h2 id="path-heading">The path</h2>
<ol class="path">
<li class="end from"><span>${move.from}</span></li>
${hops.map((hop) => html`<li><span>${hop}</span></li>`)}
<li class="end to"><span>${move.to}</span></li>
</ol>
<dl>${facts.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>
</section>`;
}
