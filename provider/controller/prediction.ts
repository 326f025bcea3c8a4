import { TurntableError } from "../errors.ts";
import { lastPassLimitMs, leastDowntimeMs } from "../hypervisor/downtime.ts";
import type { Arrival, DirtyRate, DirtyRates, Hypervisor } from "../hypervisor/hypervisor.ts";
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

/**
 * How long a live VM will be away, in ms; more than the budget where that is not kept by waiting alone. A pass of a copy leaves
 * what the guest dirtied while it lasted, so that passes get shorter until one is as long as the path takes for what is dirtied
 * in it. What is dirtied in how long is known at two points, and taken to be straight from nothing through both of them and
 * further: a guest that goes round in its memory dirties less of it anew in the long run, so that it is no less than it will be.
 */
export function expectedDowntimeMs(
  rates: DirtyRates,
  path: { readonly bandwidthMbps: number; readonly rttMs: number },
  budgetMs: number,
): number {
  const leastMs = leastDowntimeMs(path.rttMs);
  const bytesPerMs = (path.bandwidthMbps * 1e3) / 8;
  const keepsUp = (rate: DirtyRate) => bytesIn(rate) < bytesPerMs * rate.overMs;
  const { brief, long } = rates;
  if (keepsUp(brief) && keepsUp(long)) {
    return leastMs + shortPassMs(brief.bytesPerSecond / 1e3 / bytesPerMs, lastPassLimitMs(budgetMs, path.rttMs));
  }
  const slope = Math.max(0, (bytesIn(long) - bytesIn(brief)) / (long.overMs - brief.overMs));
  if (slope >= bytesPerMs) return Number.POSITIVE_INFINITY;
  return leastMs + (bytesIn(brief) - slope * brief.overMs) / (bytesPerMs - slope);
}

const bytesIn = ({ bytesPerSecond, overMs }: DirtyRate): number => (bytesPerSecond * overMs) / 1e3;

/**
 * The last pass where each takes that share of the one before: the first one below the limit, by which QEMU switches over
 * (`downtime-limit`, migration/migration.c), is anywhere between share × limit and limit, alike on a scale of ratios; this is
 * the mean. At 30 of 112 MB/s it is 17 ms; 14 more than of an idle VM were measured (README, "last memory").
 */
function shortPassMs(share: number, limitMs: number): number {
  return share <= 0 ? 0 : (limitMs * (1 - share)) / -Math.log(share);
}

/** What a move sends at most: memory, and of the disks what the destination does not have. */
export async function bytesToMove({ from, vm }: Move, { onto }: Arrival, hypervisor: Hypervisor): Promise<number> {
  const disks = await hypervisor.allocatedBytes(from.place, vm);
  return vm.memoryMiB * 2 ** 20 + (onto === "replica" ? disks.sinceGeneration : disks.all);
}

/**
 * No live move over a path whose length alone outlasts its budget: none is lit, where the length is told before, and none is
 * used, once it is measured. Throws move.failed, with both.
 */
export function requireBudget(
  { mode, downtimeBudgetMs: budgetMs }: Pick<Move, "mode" | "downtimeBudgetMs">,
  rttMs: number,
): void {
  const leastMs = leastDowntimeMs(rttMs);
  if (mode === "suspended" || leastMs <= budgetMs) return;
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
