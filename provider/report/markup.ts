/** Text that is markup already; everything else is escaped. */
export class Markup {
  readonly text: string;

  /** `trusted`: well-formed HTML or SVG in which no value stands unescaped. */
  constructor(trusted: string) {
    this.text = trusted;
  }
}

export type Content = Markup | string | number | undefined | readonly Content[];

const ENTITIES: Readonly<Record<string, string>> = {
  "&": "&amp;",
  "<": "&lt;",
  ">": "&gt;",
  '"': "&quot;",
  "'": "&#39;",
};

const escaped = (text: string) => text.replace(/[&<>"']/g, (character) => ENTITIES[character] ?? "");

function textOf(content: Content): string {
  if (content === undefined) return "";
  if (content instanceof Markup) return content.text;
  if (typeof content === "string" || typeof content === "number") return escaped(String(content));
  return content.map(textOf).join("");
}

/** HTML or SVG from a template: values are escaped, for text and quoted attributes alike; markup and lists of it are not. */
export function html(strings: TemplateStringsArray, ...values: readonly Content[]): Markup {
  return new Markup(strings.map((string, index) => string + textOf(values[index])).join(""));
}
