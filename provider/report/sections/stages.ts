import { figure } from "../charts/figure.ts";
import { drawRows, type Row } from "../charts/rows.ts";
import { type Migration, migrationOf, type Stretch, stagesOf } from "../clock.ts";
import type { ReportInput } from "../input.ts";
import { html, type Markup } from "../markup.ts";
import { duration } from "../wording.ts";

const PURPOSES: Readonly<Record<string, string>> = {
  hold: "room at the new site",
  authorize: "consent of every domain",
  light: "the path",
  migrate: "disk, memory, switchover",
  steer: "clients' gateways",
  release: "give back what was borrowed",
};

const labelled = (name: string) => (PURPOSES[name] ? `${name}: ${PURPOSES[name]}` : name);

/** All stages of the move on one clock, and how little of it the time away was. */
export function stagesSection({ move }: ReportInput, awayMs: number | undefined): Markup {
  const stages = stagesOf(move);
  const atWork = awayMs === undefined ? "" : ` and the VM was at work for all but ${duration(awayMs)} of it`;
  return html`<section aria-labelledby="stages-heading">
<h2 id="stages-heading">The whole move, on one clock</h2>
<p>It took ${duration(move.totalMs)}${atWork}.</p>
${stages.length > 0 ? stagesFigure(stages, migrationOf(move), move.totalMs, awayMs) : undefined}
</section>`;
}

function stagesFigure(
  stages: readonly Stretch[],
  migration: Migration | undefined,
  totalMs: number,
  awayMs: number | undefined,
): Markup {
  const parts = migration?.parts ?? [];
  const rows = stages.flatMap((stage) => [rowOf(stage), ...(stage.name === "migrate" ? parts.map(partOf) : [])]);
  const endMs = Math.max(1, totalMs, ...stages.map(({ toMs }) => toMs));
  const away =
    migration && awayMs ? { from: migration.stopMs, to: migration.stopMs + awayMs, tone: "away" as const } : undefined;
  const cells = ({ name, fromMs, toMs }: Stretch) => [
    ...[labelled(name), duration(fromMs), duration(toMs), duration(toMs - fromMs)],
  ];
  return figure({
    id: "stages",
    title: "Stages of the move",
    description: stages.map(({ name, fromMs, toMs }) => `${name}: ${duration(toMs - fromMs)}.`).join(" "),
    draw: (naming, widthPx) =>
      drawRows(naming, widthPx, rows, {
        ...{ domain: [0, endMs * 1.01], tick: duration },
        ...(away ? { band: away } : {}),
      }),
    caption: away ? "The red line across all rows is the time away, to scale." : undefined,
    table: {
      head: ["Stage", "began", "ended", "took"],
      rows: [...stages, ...parts.map((part) => ({ ...part, name: `in migrate: ${part.name}` }))].map(cells),
    },
  });
}

function rowOf({ name, fromMs, toMs }: Stretch): Row {
  const bar = { from: fromMs, to: toMs, tone: "plain" } as const;
  return { label: labelled(name), value: duration(toMs - fromMs), bars: [bar] };
}

function partOf({ name, fromMs, toMs }: Stretch): Row {
  return {
    label: `\u2003${name}`,
    value: duration(toMs - fromMs),
    bars: [{ from: fromMs, to: toMs, tone: "faint" }],
  };
}
