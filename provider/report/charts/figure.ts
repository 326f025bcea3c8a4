import { type Content, html, type Markup } from "../markup.ts";
import type { Naming } from "./drawing.ts";

/** The same data for those who read better than they see. The first cell of a row is its heading. */
export interface Table {
  readonly head: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

export interface Figure extends Naming {
  /** Draws it for a width in CSS pixels. */
  draw(naming: Naming, widthPx: number): Markup;
  readonly caption?: Content;
  readonly table: Table;
}

/** As wide as the page's column, and as a phone held upright: text keeps its size in both. */
const WIDTHS = { wide: 820, narrow: 340 } as const;

/** A chart drawn for wide and narrow windows (the style sheet shows one), its caption, and its data as a table. */
export function figure({ id, title, description, draw, caption, table }: Figure, wide: number = WIDTHS.wide): Markup {
  const drawings = Object.entries({ ...WIDTHS, wide }).map(
    ([name, widthPx]) => html`<div class="${name}">${draw({ id: `${id}-${name}`, title, description }, widthPx)}</div>`,
  );
  return html`<figure id="${id}">
${drawings}
${caption === undefined ? undefined : html`<figcaption>${caption}</figcaption>`}
${tableOf(title, table)}
</figure>`;
}

function tableOf(title: string, { head, rows }: Table): Markup {
  const heading = (cell: string) => html`<th scope="col">${cell}</th>`;
  const row = ([first, ...rest]: readonly string[]) =>
    html`<tr><th scope="row">${first}</th>${rest.map((cell) => html`<td>${cell}</td>`)}</tr>`;
  return html`<details><summary>Table: ${title.toLowerCase()}</summary><div class="scroll" tabindex="0" role="region" aria-label="Table: ${title.toLowerCase()}"><table>
<thead><tr>${head.map(heading)}</tr></thead>
<tbody>${rows.map(row)}</tbody>
</table></div></details>`;
}
