import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../errors.ts";
import { segmentOf } from "../../host/segment.ts";
import type { SendRequest, TimedEvent, Transfer } from "../hypervisor.ts";
import { shareClock } from "./clock.ts";
import { diskNode, layerNode } from "./command-line.ts";
import { Convergence } from "./convergence.ts";
import { files, recordText } from "./files.ts";
import { Flight, type Landing } from "./flight.ts";
import { listenForMemory, memoryProgress, prepareMemory } from "./memory.ts";
import { awaitMirrors, beginMirrors, dismissNearEnds, jobOf, offerDisks, receivingLayer, targetOf } from "./mirror.ts";
import { requireMonitor } from "./monitor.ts";
import type { Qmp } from "./qmp.ts";
import { type Remote, StallWatch } from "./stall.ts";

const POLL_MS = 200;
/** A gateway is given 30 s to hear of its turn, and the disks some time to be flushed. */
const LANDING_TIMEOUT_MS = 60_000;
const GIVING_UP_TIMEOUT_MS = 10_000;

/**
 * Disks, then memory, then the switchover (sequence and figures: QEMU docs, interop/live-block-operations and
 * devel/migration; paper section 4). Until the source's pilot continues the migration the VM runs at the source.
 */
export async function send(request: SendRequest): Promise<Transfer> {
  const { source, destination, vm, arrival } = request;
  const here = await requireMonitor(source, vm.name);
  const there = await requireMonitor(destination, vm.name);
  try {
    const address = destination.lightpathAddress;
    const remote = { address, port: await offerDisks(destination, there, vm, arrival) };
    await beginMirrors(source, here, vm, remote, arrival);
    const diskBytes = await awaitMirrors(here, vm, new StallWatch(source, remote), request.onProgress);
    const port = await listenForMemory(destination, there);
    await prepareMemory(here, request.bandwidthMbps);
    const flights = await takePilots(request, { address, port });
    flights.source.begin();
    const convergence = new Convergence();
    const memoryBytes = await watch(here, flights, request, convergence);
    await dismissNearEnds(source, vm);
    const comparable = (await shareClock(source.host, destination.host)) ? flights.destination.events : [];
    const events = [...flights.source.events, ...comparable].sort((a, b) => a.atMs - b.atMs);
    return { memoryBytes, diskBytes, iterations: convergence.iterations, blackoutMs: blackoutOf(events), events };
  } finally {
    here.close();
    there.close();
  }
}

interface Flights {
  readonly source: Flight;
  readonly destination: Flight;
}

async function takePilots(request: SendRequest, remote: Remote): Promise<Flights> {
  const { source, destination, vm, arrival, turns, warrants } = request;
  const { epoch, generation, machine } = arrival;
  const { bridge, tap } = segmentOf(vm.name);
  const at = files(destination.directory);
  const content = recordText({ schema: 1, role: "active", epoch, generation, machine, vm });
  const forDestination = {
    monitor: at.pilotMonitor,
    record: { path: at.record, lock: at.lock, content, warrant: warrants?.destination },
    nodes: vm.disks.flatMap(({ name }) => [layerNode(name, receivingLayer(arrival)), diskNode(name)]),
    turns,
  };
  const disks = vm.disks.map(({ name }) => ({ job: jobOf(name), target: targetOf(name) }));
  const from = files(source.directory);
  const nearEnds = vm.disks.map(({ name }) => from.nearEndPid(name));
  const forSource = { monitor: from.pilotMonitor, bridge, tap, disks, nearEnds, remote, warrant: warrants?.source };
  const landing = await Flight.take("destination", destination, forDestination);
  try {
    return { destination: landing, source: await Flight.take("source", source, forSource) };
  } catch (thrown) {
    landing.leave();
    throw thrown;
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
  const [sourceEnd, destinationEnd, crossed] = await land(flights);
  flying = false;
  await reporting;
  const last = await memoryProgress(here).catch(() => undefined);
  flights.source.leave();
  flights.destination.leave();
  if (crossed && destinationEnd.kind === "flushed") return last?.doneBytes ?? memoryBytes;
  const noReturn = flights.source.said("point-of-no-return");
  const mayHaveCommitted = noReturn || sourceEnd.kind === "vanished" || sourceEnd.kind === "ended";
  throw failed(request, sourceEnd, destinationEnd, mayHaveCommitted);
}

/**
 * Resolves when both pilots have landed or will not be waited for any longer. Whoever comes down first without having
 * done its part takes the other one along: before the switchover that undoes it, after it it changes nothing.
 */
async function land({
  source,
  destination,
}: Flights): Promise<readonly [here: Landing, there: Landing, crossed: boolean]> {
  const early = await Promise.race([source.landed.then(() => undefined), destination.landed]);
  if (early && early.kind !== "flushed") source.leave();
  const here = await source.landed;
  const crossed = here.kind === "ended" && here.status === "completed";
  if (!crossed) destination.leave();
  const there = await within(crossed ? LANDING_TIMEOUT_MS : GIVING_UP_TIMEOUT_MS, destination.landed);
  return [here, there, crossed];
}

async function within(timeoutMs: number, landed: Promise<Landing>): Promise<Landing> {
  const timer = new AbortController();
  const reason = `nothing was heard of it for ${timeoutMs / 1000} s`;
  const late = sleep(timeoutMs, { kind: "vanished", reason } as const, { signal: timer.signal });
  late.catch(() => undefined);
  try {
    return await Promise.race([landed, late]);
  } finally {
    timer.abort();
  }
}

function blackoutOf(events: readonly TimedEvent[]): number | undefined {
  const stop = events.find(({ at, event }) => at === "source" && event === "STOP");
  const resume = events.find(({ at, event }) => at === "destination" && event === "RESUME");
  if (!stop || !resume) return undefined;
  return Math.round(resume.atMs - stop.atMs);
}

function failed(
  { source, destination }: SendRequest,
  here: Landing,
  there: Landing,
  mayHaveCommitted: boolean,
): TurntableError {
  const said = (end: Landing) => ("reason" in end ? end.reason : "status" in end ? end.status : end.kind);
  return new TurntableError(
    "hypervisor.failed",
    `the migration from ${source.site} to ${destination.site} failed: source says "${said(here)}", destination "${said(there)}"`,
    { retry: mayHaveCommitted ? "unsafe" : "safe", next: "See qemu.log beside the VM's files at both hosts." },
  );
}
