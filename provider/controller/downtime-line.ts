import { lastPassLimitMs, leastDowntimeMs } from "../hypervisor/downtime.ts";
import type { DirtyRates } from "../hypervisor/hypervisor.ts";
import { type Answer, told } from "./asked.ts";
import type { PlacementInputs } from "./placement.ts";
import { expectedDowntimeMs, standstillMs } from "./prediction.ts";

type Wanted = Pick<PlacementInputs, "mode" | "downtimeBudgetMs" | "lightpath" | "memoryMiB">;

/**
 * How long a VM will be away, for a preview: by the path's round trip, where it is known, and by how fast the guest dirties its
 * memory; and, where that is faster than the path can keep up with, what the move will do about it, in that order.
 */
export function downtimeLine(news: Wanted, rttMs: number | undefined, rates: Answer<DirtyRates>): string {
  const { mode, downtimeBudgetMs: budgetMs, lightpath } = news;
  if (mode === "suspended") {
    const stillMs = standstillMs(news.memoryMiB * 2 ** 20, lightpath.bandwidthMbps, rttMs);
    return `up to about ${Math.ceil(stillMs / 1_000)} s: it stands still for the whole copy of its memory, and no budget is kept`;
  }
  const budget = `budget ${budgetMs} ms`;
  const leastMs = rttMs === undefined ? undefined : leastDowntimeMs(rttMs);
  if (leastMs !== undefined && leastMs > budgetMs) {
    return `about ${leastMs} ms expected, ${budget}: TOO LITTLE, the move will be refused`;
  }
  return told(
    rates,
    (known) => lineFor(news, rttMs, known),
    (why) =>
      `${leastMs === undefined ? "" : `about ${leastMs} ms at least, `}${budget}; its dirty rate is unknown (${why})`,
  );
}

function lineFor(news: Wanted, rttMs: number | undefined, rates: DirtyRates): string {
  const { downtimeBudgetMs: budgetMs, lightpath } = news;
  const { bandwidthMbps } = lightpath;
  const lengthMs = rttMs ?? 0;
  const at = (rate: number) => expectedDowntimeMs(rates, { bandwidthMbps: rate, rttMs: lengthMs }, budgetMs);
  const awayMs = at(bandwidthMbps);
  const dirtied = `its memory is dirtied at ${mb(rates.long.bytesPerSecond)} MB/s, of ${mb((bandwidthMbps * 1e6) / 8)} MB/s that the path carries`;
  const budget = `budget ${budgetMs} ms`;
  if (awayMs <= budgetMs) {
    const expected = rttMs === undefined ? "" : `about ${Math.round(awayMs)} ms expected, `;
    const usual = awayMs <= leastDowntimeMs(lengthMs) + lastPassLimitMs(budgetMs, lengthMs);
    return `${expected}${budget}; ${dirtied}${usual ? "" : ": the last pass will take of the budget what it needs"}`;
  }
  const most = "maxBandwidthMbps" in lightpath ? lightpath.maxBandwidthMbps : undefined;
  return `${budget}, NOT KEPT by waiting alone; ${dirtied}: ${remedy(most, most === undefined ? awayMs : at(most), budgetMs)}`;
}

/** What will be done about a copy that does not fit into its budget (hypervisor/qemu/budget.ts). */
function remedy(mostMbps: number | undefined, raisedMs: number, budgetMs: number): string {
  if (mostMbps !== undefined && raisedMs <= budgetMs) {
    return `the path will be raised to ${mostMbps} Mbps, where about ${Math.round(raisedMs)} ms are expected`;
  }
  const first = mostMbps === undefined ? "" : `the path will be raised to ${mostMbps} Mbps, then `;
  return `${first}the guest will be slowed down, and the move given up if that does not do`;
}

const mb = (bytes: number): string => (bytes / 1e6).toFixed(0);
