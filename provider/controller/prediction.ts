import { TurntableError } from "../errors.ts";
import { leastDowntimeMs } from "../hypervisor/downtime.ts";
import type { Arrival, Hypervisor } from "../hypervisor/hypervisor.ts";
import type { Move } from "./move.ts";

/** Connections, handshakes and TCP's first seconds, beside the bytes themselves. */
const OVERHEAD_MS = 6_000;
/** Reserving and lighting a path: measured at 0.7 s with three domains; one that is slow to answer takes seconds. */
export const LIGHT_MS = 5_000;

/** How long a copy of so many bytes takes over a path of that rate. */
export function copyMs(bytes: number, bandwidthMbps: number): number {
  return OVERHEAD_MS + (bytes * 8) / (bandwidthMbps * 1e3);
}

/** How long a VM stands still at most that is suspended for the copy of its memory; `rttMs`: of the path, where it is known. */
export function standstillMs(memoryBytes: number, bandwidthMbps: number, rttMs = 0): number {
  return (memoryBytes * 8) / (bandwidthMbps * 1e3) + leastDowntimeMs(rttMs);
}

/** What a move sends at most: memory, and of the disks what the destination does not have. */
export async function bytesToMove({ from, vm }: Move, { onto }: Arrival, hypervisor: Hypervisor): Promise<number> {
  const disks = await hypervisor.allocatedBytes(from.place, vm);
  return vm.memoryMiB * 2 ** 20 + (onto === "replica" ? disks.sinceGeneration : disks.all);
}

/** No path is begun upon whose length alone outlasts the budget. Throws move.failed, with both. */
export function requireBudget(budgetMs: number, rttMs: number): void {
  const leastMs = leastDowntimeMs(rttMs);
  if (leastMs <= budgetMs) return;
  const why = `at a round trip of ${Math.round(rttMs)} ms the VM is away for ${leastMs} ms at least, and its budget is ${budgetMs} ms`;
  throw new TurntableError("move.failed", why, {
    retry: "never",
    next: "Raise downtimeBudgetMs, or choose another path.",
  });
}

/** The lease rule: no stage begins whose predicted end lies beyond that of the right to it. Throws move.failed, with both. */
export function requireTime(
  stage: string,
  predictedMs: number,
  right: { readonly what: string; readonly end: string; readonly refused?: string; readonly next?: string },
) {
  const until = Date.now() + predictedMs;
  if (until <= Date.parse(right.end)) return;
  const at = (ms: number) => `${new Date(ms).toISOString().slice(0, 19)}Z`;
  const why = `${stage} would take about ${Math.ceil(predictedMs / 1_000)} s, until ${at(until)}, but ${right.what} ends at ${at(Date.parse(right.end))}${right.refused === undefined ? "" : `, and is not extended: ${right.refused}`}`;
  throw new TurntableError("move.failed", why, {
    retry: "safe",
    next: right.next ?? "Declare a later window, or a path of more bandwidth.",
  });
}
