import { randomBytes } from "node:crypto";
import { segmentOf } from "../../host/segment.ts";
import type { SendRequest } from "../hypervisor.ts";
import { layerNode } from "./command-line.ts";
import { files, recordText } from "./files.ts";
import { Flight, type Listening } from "./flight.ts";
import { jobOf, receivedFiles, receivingLayer, targetOf } from "./mirror.ts";
import { DISK_GUARDS } from "./way/disk.ts";

const KEY_BYTES = 32;

export interface Flights {
  readonly source: Flight;
  readonly destination: Flight;
}

/**
 * Puts a pilot beside each hypervisor, who hear each other over the lightpath. They share a key made for this move,
 * which travels in their first line of input and nowhere else. Rejects with hypervisor.failed, nothing begun.
 */
export async function takePilots(request: SendRequest): Promise<Flights> {
  const key = randomBytes(KEY_BYTES).toString("hex");
  const destination = await Flight.take("destination", request.destination, destinationParameters(request, key));
  try {
    const parameters = sourceParameters(request, key, destination.listening);
    return { destination, source: await Flight.take("source", request.source, parameters) };
  } catch (thrown) {
    destination.leave();
    throw thrown;
  }
}

function destinationParameters({ destination, vm, arrival, turns, warrants }: SendRequest, key: string) {
  const { epoch, generation, machine } = arrival;
  const at = files(destination.directory);
  const content = recordText({ schema: 1, role: "active", epoch, generation, machine, vm });
  return {
    ...{ key, epoch, generation, pid: at.pid },
    ...{ monitor: at.pilotMonitor, guardianMonitor: at.guardianMonitor },
    record: { path: at.record, content, warrant: warrants?.destination ?? null },
    disks: {
      received: vm.disks.map(({ name }) => layerNode(name, receivingLayer(arrival))),
      files: receivedFiles(destination, vm, arrival),
      socket: at.flushSocket,
    },
    way: { guards: DISK_GUARDS, helper: at.memoryWayPid, folder: at.way },
    turns,
    addresses: [destination.lightpathAddress, destination.routedAddress],
  };
}

function sourceParameters(
  { source, vm, arrival, destination, warrants, mode = "live" }: SendRequest,
  key: string,
  { heartPort, ways }: Listening,
) {
  const at = files(source.directory);
  const { bridge, tap } = segmentOf(vm.name);
  return {
    ...{ key, epoch: arrival.epoch, directory: source.directory, bridge, tap, ways, mode },
    ...{ monitor: at.pilotMonitor, guardianMonitor: at.guardianMonitor, warrant: warrants?.source ?? null },
    disks: vm.disks.map(({ name }) => ({ job: jobOf(name), target: targetOf(name) })),
    nearEnds: vm.disks.map(({ name }) => ({
      ...{ pid: at.nearEndPid(name), socket: at.nearEnd(name), tally: at.nearEndTally(name) },
    })),
    way: { helper: at.memoryWayPid, folder: at.way },
    heart: { local: source.lightpathAddress, peer: { address: destination.lightpathAddress, port: heartPort } },
  };
}
