import type { Sweep } from "../away.ts";
import { html, type Markup } from "../markup.ts";
import { duration, shortened } from "../wording.ts";
import type { Naming } from "./drawing.ts";
import { type Ends, HEIGHT_PX, MARGIN_PX } from "./sine.ts";

const CENTRE = HEIGHT_PX / 2;
const RADIUS = CENTRE - MARGIN_PX;
/** How far the beam's afterglow reaches back, in turns, and in how many steps it fades. */
const GLOW = { turns: 1 / 8, steps: 12 } as const;

/** The turn of a radar in which the VM was away: the sector that it did not sweep is missing. */
export function drawRadar({ id, title, description }: Naming, { awayMs, periodMs }: Sweep, ends: Ends): Markup {
  const half = awayMs / periodMs / 2;
  const swept = html`<path d="${sector(-0.5, -half)}" fill="var(--from)" fill-opacity="0.3"/>
<path d="${sector(half, 0.5)}" fill="var(--to)" fill-opacity="0.3"/>`;
  return html`<svg class="radar" viewBox="0 0 ${HEIGHT_PX} ${HEIGHT_PX}" width="${HEIGHT_PX}" height="${HEIGHT_PX}" role="img" tabindex="0" aria-labelledby="${id}-title" aria-describedby="${id}-desc">
<title id="${id}-title">${title}</title>
<desc id="${id}-desc">${description}</desc>
<clipPath id="${id}-swept"><path d="${sector(half, 1 - half)}"/></clipPath>
<circle cx="${CENTRE}" cy="${CENTRE}" r="${RADIUS}" fill="var(--scope)"/>
${swept}
${[1 / 3, 2 / 3, 1].map((share) => html`<circle cx="${CENTRE}" cy="${CENTRE}" r="${tenths(RADIUS * share)}" fill="none" stroke="var(--line)"/>`)}
<g clip-path="url(#${id}-swept)"><g data-glow opacity="0">${glow()}</g></g>
<line data-beam x1="${CENTRE}" y1="${CENTRE}" x2="${CENTRE}" y2="${CENTRE - RADIUS}" stroke="var(--text)" stroke-width="2.5" stroke-linecap="round" opacity="0"/>
<path d="${sector(-half, half)}" fill="none" stroke="var(--away)" stroke-width="2" stroke-dasharray="4 3" stroke-linejoin="round"/>
<text x="${CENTRE}" y="${MARGIN_PX - 16}" text-anchor="middle" font-weight="bold" fill="var(--away)">away ${duration(awayMs)}</text>
<text x="${CENTRE - RADIUS / 2}" y="${CENTRE + 5}" text-anchor="middle" font-weight="bold" fill="var(--text)">${shortened(ends.from, 10)}</text>
<text x="${CENTRE + RADIUS / 2}" y="${CENTRE + 5}" text-anchor="middle" font-weight="bold" fill="var(--text)">${shortened(ends.to, 10)}</text>
</svg>`;
}

function glow(): Markup[] {
  const step = GLOW.turns / GLOW.steps;
  return Array.from({ length: GLOW.steps }, (_, index) => {
    const opacity = tenths(0.55 * (1 - index / GLOW.steps) * 10) / 10;
    return html`<path d="${sector(-(index + 1) * step, -index * step)}" fill="var(--text)" fill-opacity="${opacity / 2}"/>`;
  });
}

/** A sector of the disc between two angles, in turns clockwise from 12 o'clock. */
function sector(from: number, to: number): string {
  const [start, end] = [from, to].map((turns) => {
    const angle = 2 * Math.PI * turns;
    return `${hundredths(CENTRE + RADIUS * Math.sin(angle))} ${hundredths(CENTRE - RADIUS * Math.cos(angle))}`;
  });
  return `M${CENTRE} ${CENTRE}L${start}A${RADIUS} ${RADIUS} 0 ${to - from > 0.5 ? 1 : 0} 1 ${end}Z`;
}

const tenths = (value: number) => Math.round(value * 10) / 10;
const hundredths = (value: number) => Math.round(value * 100) / 100;
