import type { Away } from "../away.ts";
import type { ReportInput } from "../input.ts";
import { html, type Markup } from "../markup.ts";
import { duration, megabytes } from "../wording.ts";

const HOW = {
  live: "It moved while it ran, with memory and disk",
  suspended: "It ran while its disk was copied and was suspended for the copy of its memory",
} as const;

/** What a reader takes along who reads nothing else. */
export function headline({ vm, move, observed }: ReportInput, away: Away | undefined): Markup {
  const who = vm ?? "The VM";
  const rttMs = move.path.rttMs ?? observed?.rttMs;
  const bytes = move.memoryBytes + move.diskBytes;
  const size = bytes > 0 ? ` (${megabytes(bytes)})` : "";
  const distance = rttMs === undefined ? "" : `, ${Math.round(rttMs)} ms of round trip apart`;
  return html`<header>
<p class="route"><span class="from">${move.from}</span> <span aria-hidden="true">⟶</span><span class="unseen">to</span> <span class="to">${move.to}</span></p>
<h1>${away ? html`${who} was away for <strong>${duration(away.ms)}</strong>` : html`${who} moved from ${move.from} to ${move.to}`}</h1>
<p class="lead">${HOW[move.mode]}${size}, between two sites${distance}. The whole move took ${duration(move.totalMs)}. ${
    away
      ? `Away is measured by ${away.measuredBy}.`
      : "How long it was away was not measured: the two hosts share no clock, and nobody watched from outside."
  }</p>
<p class="when">Begun <time datetime="${move.startedAt}">${utc(move.startedAt)}</time> · epoch ${move.epoch}</p>
</header>`;
}

/** "23 November 2026, 01:03:05 UTC", wherever the page is read. */
function utc(startedAt: string): string {
  const style = { dateStyle: "long", timeStyle: "medium", timeZone: "UTC" } as const;
  return `${new Intl.DateTimeFormat("en-GB", style).format(new Date(startedAt)).replace(" at ", ", ")} UTC`;
}
