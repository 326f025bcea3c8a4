import * as Plot from "@observablehq/plot";
import { parseHTML } from "linkedom";
import { Markup } from "../markup.ts";

/** What a drawing is called, for those who do not see it. `id` is unique in the page. */
export interface Naming {
  readonly id: string;
  readonly title: string;
  readonly description: string;
}

/** What is used of the DOM that Plot draws into. */
interface Drawn {
  readonly outerHTML: string;
  readonly firstChild: unknown;
  readonly scale: (name: "x" | "y") => { readonly range?: Iterable<number> } | undefined;
  querySelectorAll(selector: string): Iterable<{ remove(): void; removeAttribute(name: string): void }>;
  removeAttribute(name: string): void;
  setAttribute(name: string, value: string): void;
  insertBefore(node: unknown, before: unknown): void;
}

const { document } = parseHTML("<html><body></body></html>");

/**
 * A plot as SVG, with title and description. It has no style of its own: the page's policy forbids that, and its style
 * sheet knows both colour schemes. The ranges of the scales are on it for the page's script (`data-x`, `data-y`).
 */
export function drawn({ id, title, description }: Naming, options: Plot.PlotOptions): Markup {
  const svg: Drawn = Plot.plot({ ...options, document, className: "plot" });
  for (const style of svg.querySelectorAll("style")) style.remove();
  for (const group of svg.querySelectorAll("[aria-label]")) group.removeAttribute("aria-label");
  for (const name of ["font-size", "font-family", "style"]) svg.removeAttribute(name);
  for (const [name, text] of [
    ["desc", description],
    ["title", title],
  ] as const) {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    element.setAttribute("id", `${id}-${name}`);
    element.textContent = text;
    svg.insertBefore(element, svg.firstChild);
  }
  const attributes = {
    role: "img",
    tabindex: "0",
    "aria-labelledby": `${id}-title`,
    "aria-describedby": `${id}-desc`,
    "data-x": [...(svg.scale("x")?.range ?? [])].join(" "),
    "data-y": [...(svg.scale("y")?.range ?? [])].join(" "),
  };
  for (const [name, value] of Object.entries(attributes)) svg.setAttribute(name, value);
  return new Markup(svg.outerHTML);
}
