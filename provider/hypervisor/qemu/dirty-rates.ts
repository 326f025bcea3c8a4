import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import { type DirtyRate, type DirtyRates, LOOK_MS, type Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { openMonitor } from "./monitor.ts";
import type { Qmp } from "./qmp.ts";

/** So many pages are compared with what they were, as far as QEMU allows: of 30 MB dirtied in 8 GiB that is told to an eighth. */
const PAGES = 16_384;
/** QEMU's bounds of that, for each GiB. */
const [FEWEST_PAGES, MOST_PAGES] = [128, 16_384];
/** QEMU may take so much longer than it was told to; a move that begins meanwhile waits for its monitor. */
const GRACE_MS = 400;
const POLL_MS = 30;

const status = z.looseObject({ running: z.boolean() });
/** In MiB a second (QEMU's QAPI schema, DirtyRateInfo); -1 if nothing was looked at. */
const info = z.looseObject({ status: z.string(), "dirty-rate": z.number().optional() });

/**
 * See Hypervisor.dirtyRates. QEMU compares pages that it picks by chance with what they held before (calc-dirty-rate, page
 * sampling): it logs no writes for that, so that a migration does not notice.
 */
export async function dirtyRates(place: Place, vm: VmSpec): Promise<DirtyRates | undefined> {
  const qmp = await openMonitor(place, vm.name).catch(unlessRefused);
  if (!qmp) return undefined;
  try {
    const pagesPerGiB = Math.round((PAGES * 1024) / vm.memoryMiB);
    const samples = Math.min(MOST_PAGES, Math.max(FEWEST_PAGES, pagesPerGiB));
    const [{ running }, brief] = await Promise.all([
      qmp.query("query-status", status),
      look(qmp, LOOK_MS.brief, samples),
    ]);
    const long = running && brief !== undefined ? await look(qmp, LOOK_MS.long, samples) : undefined;
    return brief && long && { brief, long };
  } catch (thrown) {
    return unlessRefused(thrown);
  } finally {
    qmp.close();
  }
}

async function look(qmp: Qmp, overMs: number, samples: number): Promise<DirtyRate | undefined> {
  const how = { "calc-time": overMs, "calc-time-unit": "millisecond", "sample-pages": samples };
  // A far monitor's answer takes its time, in which QEMU looks already.
  await Promise.all([qmp.execute("calc-dirty-rate", how), sleep(overMs)]);
  for (const deadline = performance.now() + GRACE_MS; performance.now() < deadline; await sleep(POLL_MS)) {
    const { status, "dirty-rate": mibPerSecond = -1 } = await qmp.query("query-dirty-rate", info);
    if (status !== "measured") continue;
    return mibPerSecond < 0 ? undefined : { overMs, bytesPerSecond: mibPerSecond * 2 ** 20 };
  }
  return undefined;
}

/** It serves somebody else, measures for somebody else, does not know the command, or has ended. */
function unlessRefused(thrown: unknown): undefined {
  if (thrown instanceof TurntableError && thrown.code === "hypervisor.failed") return undefined;
  throw thrown;
}
