import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../errors.ts";
import { standstillOf } from "../downtime.ts";
import type { SendRequest, TimedEvent, Transfer } from "../hypervisor.ts";
import { Budget } from "./budget.ts";
import { shareClock } from "./clock.ts";
import { Convergence } from "./convergence.ts";
import { failedMigration, fellByItself, giveUp, land, mayHaveCommitted } from "./landing.ts";
import { memoryProgress, prepareMemory } from "./memory.ts";
import { awaitMirrors, beginMirrors, dismissNearEnds, offerDisks } from "./mirror.ts";
import { requireMonitor } from "./monitor.ts";
import { type Flights, takePilots } from "./pilots.ts";
import type { Qmp } from "./qmp.ts";
import { Steward } from "./steward.ts";
import { closeWay } from "./way/memory.ts";
import { openWay, type Way } from "./way/way.ts";
import { writeDown } from "./write-down.ts";
import { WriteLatency } from "./write-latency.ts";

const POLL_MS = 200;

/**
 * Disks, then memory, then the switchover (sequence and figures: QEMU docs, interop/live-block-operations and
 * devel/migration; paper section 4). Pilots stand beside both hypervisors from before the first block to the end. Until
 * the source's continues the migration the VM runs at the source, or stands still there to be copied.
 */
export async function send(request: SendRequest): Promise<Transfer> {
  const { source, destination, vm } = request;
  const here = await requireMonitor(source, vm.name);
  const there = await requireMonitor(destination, vm.name);
  try {
    const budget = new Budget(request.downtimeBudgetMs, request.rttMs, request.moreBandwidth !== undefined);
    const writes = await WriteLatency.begin(vm, [here, there]);
    const flights = await takePilots(request);
    const passedBytes = await copied(request, here, there, flights, budget);
    const convergence = new Convergence();
    const steward = new Steward(here, budget, request);
    const memoryBytes = await watch(here, flights, request, convergence, steward);
    const sentBytes = await dismissNearEnds(source, vm);
    const writeP99Ms = await writes.p99Ms();
    await Promise.all([closeWay(source), closeWay(destination)]);
    const comparable = (await shareClock(source.host, destination.host)) ? flights.destination.events : [];
    const events = [...flights.source.events, ...comparable].sort((a, b) => a.atMs - b.atMs);
    const { iterations } = convergence;
    // A near end that was not heard of to its end sent no more than was gone through.
    const diskBytes = sentBytes ?? passedBytes;
    return { memoryBytes, diskBytes, writeP99Ms, iterations, blackoutMs: blackoutOf(events), events };
  } finally {
    here.close();
    there.close();
  }
}

/** Copies the disks and has the memory begun; resolves with the disks' bytes that were gone through. If it fails, both pilots have given up. */
async function copied(request: SendRequest, here: Qmp, there: Qmp, flights: Flights, budget: Budget): Promise<number> {
  const { vm, onProgress } = request;
  try {
    const way = await openWay(request, there);
    await beginDisks(request, here, there, way).finally(way.seal);
    const passedBytes = await awaitMirrors(here, vm, onProgress);
    await writeDown(request);
    const { bandwidthMbps } = await turnOf(request, flights);
    await prepareMemory(here, bandwidthMbps, budget.downtimeLimitMs);
    flights.source.begin(way.memory);
    return passedBytes;
  } catch (thrown) {
    const landings = await giveUp(flights);
    if (!fellByItself(landings.source) && !fellByItself(landings.destination)) throw thrown;
    throw failedMigration(request, landings, "safe");
  }
}

/** Its turn, and what the path carries then; rejects as soon as a pilot comes down while it is waited for. */
async function turnOf(request: SendRequest, flights: Flights): Promise<Pick<SendRequest, "bandwidthMbps">> {
  const { memoryTurn } = request;
  if (memoryTurn === undefined) return request;
  const fallen = new AbortController();
  const down = Promise.race([flights.source.landed, flights.destination.landed]).then(() => {
    fallen.abort(new Error("a pilot came down while the move waited for its turn"));
    throw fallen.signal.reason;
  });
  return await Promise.race([memoryTurn(fallen.signal), down]);
}

async function beginDisks(request: SendRequest, here: Qmp, there: Qmp, way: Way): Promise<void> {
  const { source, destination, vm, arrival } = request;
  await beginMirrors(source, here, vm, await offerDisks(destination, there, vm, way, arrival), request);
}

/** Reports progress until both pilots have landed; resolves with the bytes of memory sent. */
async function watch(
  here: Qmp,
  flights: Flights,
  request: SendRequest,
  convergence: Convergence,
  steward: Steward,
): Promise<number> {
  let memoryBytes = 0;
  let flying = true;
  const report = async () => {
    while (flying) {
      const progress = await memoryProgress(here).catch(() => undefined);
      if (progress) memoryBytes = progress.doneBytes;
      if (progress) convergence.note(progress);
      if (progress && !flights.source.said("point-of-no-return")) request.onProgress(progress);
      if (progress && request.mode !== "suspended") await steward.see(progress);
      // It gives up by itself only before the point of no return.
      if (steward.gaveUp !== undefined) flights.source.leave();
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
  if (landings.destination.kind === "settled") return last?.doneBytes ?? memoryBytes;
  if (steward.gaveUp !== undefined && !mayHaveCommitted(flights.source, landings.source))
    throw overBudget(request, steward.gaveUp);
  throw failedMigration(request, landings, mayHaveCommitted(flights.source, landings.source) ? "unsafe" : "safe");
}

function overBudget({ vm }: SendRequest, reason: string): TurntableError {
  return new TurntableError("hypervisor.failed", `${vm.name} was not moved: ${reason}`, {
    retry: "safe",
    next: "Move it when it does less, over a path of more bandwidth, or with a larger downtimeBudgetMs.",
  });
}

function blackoutOf(events: readonly TimedEvent[]): number | undefined {
  const stop = standstillOf(events);
  const resume = events.find(({ at, event }) => at === "destination" && event === "RESUME");
  if (!stop || !resume) return undefined;
  return Math.round(resume.atMs - stop.atMs);
}
