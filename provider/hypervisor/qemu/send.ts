import { setTimeout as sleep } from "node:timers/promises";
import type { SendRequest, TimedEvent, Transfer } from "../hypervisor.ts";
import { Convergence } from "./convergence.ts";
import { failedMigration, fellByItself, giveUp, land, mayHaveCommitted } from "./landing.ts";
import { listenForMemory, memoryProgress, prepareMemory } from "./memory.ts";
import { awaitMirrors, beginMirrors, dismissNearEnds, offerDisks } from "./mirror.ts";
import { requireMonitor } from "./monitor.ts";
import { type Flights, takePilots } from "./pilots.ts";
import type { Qmp } from "./qmp.ts";

const POLL_MS = 200;

/**
 * Disks, then memory, then the switchover (sequence and figures: QEMU docs, interop/live-block-operations and
 * devel/migration; paper section 4). Pilots stand beside both hypervisors from before the first block to the end. Until
 * the source's continues the migration the VM runs at the source.
 */
export async function send(request: SendRequest): Promise<Transfer> {
  const { source, destination, vm } = request;
  const here = await requireMonitor(source, vm.name);
  const there = await requireMonitor(destination, vm.name);
  try {
    const flights = await takePilots(request);
    const diskBytes = await copied(request, here, there, flights);
    const convergence = new Convergence();
    const memoryBytes = await watch(here, flights, request, convergence);
    await dismissNearEnds(source, vm);
    const events = [...flights.source.events, ...flights.destination.events].sort((a, b) => a.atMs - b.atMs);
    return { memoryBytes, diskBytes, iterations: convergence.iterations, blackoutMs: blackoutOf(events), events };
  } finally {
    here.close();
    there.close();
  }
}

/** Copies the disks and has the memory begun; resolves with the disks' bytes. If it fails, both pilots have given up. */
async function copied(request: SendRequest, here: Qmp, there: Qmp, flights: Flights): Promise<number> {
  const { source, destination, vm, onProgress } = request;
  try {
    const address = destination.lightpathAddress;
    await beginMirrors(source, here, vm, { address, port: await offerDisks(destination, there, vm) });
    const diskBytes = await awaitMirrors(here, vm, onProgress);
    const port = await listenForMemory(destination, there);
    await prepareMemory(here, request.bandwidthMbps);
    flights.source.begin({ address, port });
    return diskBytes;
  } catch (thrown) {
    const landings = await giveUp(flights);
    if (!fellByItself(landings.source) && !fellByItself(landings.destination)) throw thrown;
    throw failedMigration(request, landings, "safe");
  }
}

/** Reports progress until both pilots have landed; resolves with the bytes of memory sent. */
async function watch(here: Qmp, flights: Flights, request: SendRequest, convergence: Convergence): Promise<number> {
  let memoryBytes = 0;
  let flying = true;
  const report = async () => {
    while (flying) {
      const progress = await memoryProgress(here).catch(() => undefined);
      if (progress) memoryBytes = progress.doneBytes;
      if (progress) convergence.note(progress);
      if (progress && !flights.source.said("point-of-no-return")) request.onProgress(progress);
      await sleep(POLL_MS);
    }
  };
  const reporting = report();
  const landings = await land(flights);
  flying = false;
  await reporting;
  const last = await memoryProgress(here).catch(() => undefined);
  flights.source.leave();
  flights.destination.leave();
  if (landings.destination.kind === "flushed") return last?.doneBytes ?? memoryBytes;
  throw failedMigration(request, landings, mayHaveCommitted(flights.source, landings.source) ? "unsafe" : "safe");
}

/** Both hosts on one machine share CLOCK_MONOTONIC; where they do not, the difference makes no sense and is left out. */
function blackoutOf(events: readonly TimedEvent[]): number | undefined {
  const stop = events.find(({ at, event }) => at === "source" && event === "STOP");
  const resume = events.find(({ at, event }) => at === "destination" && event === "RESUME");
  if (!stop || !resume) return undefined;
  const blackoutMs = resume.atMs - stop.atMs;
  return blackoutMs > 0 && blackoutMs < 600_000 ? Math.round(blackoutMs) : undefined;
}
