import type { MoveMode, Progress } from "../hypervisor/hypervisor.ts";

const BAR_CELLS = 20;

/**
 * One line for a copy that runs: bar, share, rate, what is left, and how long the VM would be away if it switched
 * now, which is what the hypervisor expects and the way of the last bytes (half of `rttMs`); or that it stands still.
 */
export function progressLine(progress: Progress, rttMs: number, mode: MoveMode): string {
  const { what, doneBytes, totalBytes, bytesPerSecond, expectedDowntimeMs } = progress;
  const share = totalBytes > 0 ? Math.min(1, doneBytes / totalBytes) : 0;
  const left = mb(Math.max(0, totalBytes - doneBytes));
  const expected =
    expectedDowntimeMs === undefined ? [] : [`about ${Math.round(expectedDowntimeMs + rttMs / 2)} ms away`];
  const away = mode === "suspended" && what === "memory" ? ["VM suspended"] : expected;
  const figures = [
    `${mb(doneBytes)} of ${mb(totalBytes)} MB`,
    `${mb(bytesPerSecond)} MB/s`,
    `${left} MB left`,
    ...away,
  ];
  return `[4/6] migrate: ${what.padEnd(6)} ${bar(share)} ${String(Math.floor(100 * share)).padStart(3)}% (${figures.join(", ")})`;
}

function bar(share: number): string {
  const full = Math.floor(share * BAR_CELLS);
  return "█".repeat(full) + "░".repeat(BAR_CELLS - full);
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(1);
