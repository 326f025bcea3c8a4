import type { MoveRecord } from "../../controller/placement.ts";
import { drawConvergence, type Step } from "../charts/convergence.ts";
import { figure } from "../charts/figure.ts";
import { drawRows, type Row } from "../charts/rows.ts";
import { html, type Markup } from "../markup.ts";
import { duration, megabytes } from "../wording.ts";

interface Load {
  readonly kind: string;
  readonly when: string;
  readonly bytes: number;
}

/** What crossed, by kind; the memory by pass, where they are known. All of it crosses in the stage `migrate`. */
function loadsOf({ mode, memoryBytes, diskBytes, iterations = [] }: MoveRecord): Load[] {
  const disk = { kind: "disk", when: "as it is allocated", bytes: diskBytes };
  if (mode === "suspended") return [disk, { kind: "memory", when: "of the suspended VM", bytes: memoryBytes }];
  const second = inOrder(iterations)[1];
  if (!second) return [disk, { kind: "memory", when: "all passes", bytes: memoryBytes }];
  const firstBytes = Math.min(memoryBytes, second.sentBytes);
  return [
    disk,
    { kind: "memory", when: "first pass", bytes: firstBytes },
    { kind: "memory", when: "dirtied meanwhile", bytes: memoryBytes - firstBytes },
  ];
}

const inOrder = (steps: readonly Step[]) => [...steps].sort((a, b) => a.atMs - b.atMs);

/** Bytes by kind, and how the memory converged. */
export function bytesSection(move: MoveRecord): Markup {
  const total = move.memoryBytes + move.diskBytes;
  const said =
    total > 0
      ? `${megabytes(total)} crossed the path, all of it in the stage migrate.`
      : "It was not recorded: the connection to the old site broke after the switchover.";
  return html`<section aria-labelledby="bytes-heading">
<h2 id="bytes-heading">What crossed</h2>
<p>${said}${writes(move)}</p>
${total > 0 ? bytesByKind(loadsOf(move)) : undefined}
${move.mode === "live" ? convergence(inOrder(move.iterations ?? [])) : undefined}
</section>`;
}

/** The mirror of a disk is what a guest may wait for before it is stopped. */
function writes({ writeP99Ms }: MoveRecord): string {
  if (writeP99Ms === undefined) return "";
  return ` Meanwhile 99 of 100 of the guest's writes to its disks took at most ${writeP99Ms < 10 ? `${writeP99Ms} ms` : duration(writeP99Ms)}.`;
}

function bytesByKind(loads: readonly Load[]): Markup {
  const rows = loads.map(
    ({ kind, when, bytes }): Row => ({
      label: `${kind}, ${when}`,
      value: megabytes(bytes),
      bars: [{ from: 0, to: bytes, tone: kind === "disk" ? "faint" : "plain" }],
    }),
  );
  const largest = Math.max(...loads.map(({ bytes }) => bytes));
  return figure({
    id: "bytes",
    title: "Bytes by kind",
    description: loads.map(({ kind, when, bytes }) => `${kind}, ${when}: ${megabytes(bytes)}.`).join(" "),
    draw: (naming, widthPx) =>
      drawRows(naming, widthPx, rows, { domain: [0, largest * 1.02], tick: (bytes) => `${bytes / 1e6} MB` }),
    table: {
      head: ["Kind", "stage", "what of it", "bytes"],
      rows: loads.map(({ kind, when, bytes }) => [kind, "migrate", when, String(bytes)]),
    },
  });
}

function convergence(steps: readonly Step[]): Markup | undefined {
  const [first, last] = [steps[0], steps.at(-1)];
  if (!first || !last || steps.length < 2) return undefined;
  return html`<h3>How the memory converged, pass by pass</h3>
${figure({
  id: "convergence",
  title: "Memory by pass",
  description: `From pass 1 to ${steps.length} what was left fell from ${megabytes(first.remainingBytes)} to ${megabytes(last.remainingBytes)}, while ${megabytes(last.sentBytes)} crossed.`,
  draw: (naming, widthPx) => drawConvergence(naming, widthPx, steps),
  caption: html`<span class="key plain">sent so far</span> <span class="key away">left to send</span> over the time since the copy began; a dot where each pass begins.`,
  table: {
    head: ["Pass", "began", "sent so far", "left to send"],
    rows: steps.map(({ atMs, sentBytes, remainingBytes }, index) => [
      ...[String(index + 1), duration(atMs), megabytes(sentBytes), megabytes(remainingBytes)],
    ]),
  },
})}`;
}
