import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { awayOf } from "./away.ts";
import type { ReportInput } from "./input.ts";
import { html, Markup } from "./markup.ts";
import { bytesSection } from "./sections/bytes.ts";
import { figuresSection } from "./sections/figures.ts";
import { headline } from "./sections/headline.ts";
import { pathSection } from "./sections/path.ts";
import { stagesSection } from "./sections/stages.ts";
import { sweepSection } from "./sections/sweep.ts";
import { switchoverSection } from "./sections/switchover.ts";
import { duration } from "./wording.ts";

const beside = (name: string) => readFileSync(new URL(`./page/${name}`, import.meta.url), "utf8");
const hash = (text: string) => `'sha256-${createHash("sha256").update(text).digest("base64")}'`;

/**
 * The report of one move: an HTML page that needs nothing but itself. Its policy allows its own style and script by their
 * hashes and forbids all else, connections included.
 */
export function pageOf(input: ReportInput): string {
  const [style, script] = [beside("parts.css") + beside("page.css"), beside("page.js")];
  const away = awayOf(input);
  const { from, to } = input.move;
  const policy = `default-src 'none'; style-src ${hash(style)}; script-src ${hash(script)}; img-src data:; base-uri 'none'; form-action 'none'`;
  const page = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="${policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${input.vm ?? "VM"} ${from} → ${to}${away ? `: away for ${duration(away.ms)}` : ""}</title>
<link rel="icon" href="data:,">
<style>${new Markup(style)}</style>
</head>
<body>
<main>
${headline(input, away)}
${away ? sweepSection(away, { from, to }) : undefined}
${figuresSection(input)}
${stagesSection(input, away?.ms)}
${switchoverSection(input)}
${bytesSection(input.move)}
${pathSection(input)}
</main>
<footer><p>Turntable · <code>turntable report</code>. Bytes are decimal: a MB is a million.</p></footer>
<script>${new Markup(script)}</script>
</body>
</html>
`;
  return page.text;
}
