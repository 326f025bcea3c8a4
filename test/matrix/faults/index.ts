import { domainAgentDown, reservationEnded, tokenExpired } from "./domains.ts";
import type { Fault } from "./fault.ts";
import { destinationDiskFull, destinationMemoryShort, destinationTornDown } from "./places.ts";
import {
  controllerKilled,
  destinationPilotKilled,
  destinationQemuKilled,
  pilotChannelCut,
  sourcePilotKilled,
  sourceQemuKilled,
} from "./processes.ts";
import { bothCutForAWhile, lightpathCut, routedNetworkCut } from "./ways.ts";

/** Everything that is made to go wrong. */
export const FAULTS = {
  "controller killed": controllerKilled,
  "source pilot killed": sourcePilotKilled,
  "destination pilot killed": destinationPilotKilled,
  "pilot channel cut": pilotChannelCut,
  "source QEMU killed": sourceQemuKilled,
  "destination QEMU killed": destinationQemuKilled,
  "destination site torn down": destinationTornDown,
  "lightpath cut": lightpathCut,
  "routed network cut": routedNetworkCut,
  "both cut for 5 s": bothCutForAWhile,
  "destination disk full": destinationDiskFull,
  "destination memory short": destinationMemoryShort,
  "domain agent down": domainAgentDown,
  "token expired": tokenExpired,
  "reservation ended": reservationEnded,
} as const satisfies Record<string, Fault>;

export type FaultName = keyof typeof FAULTS;

export const faultNamed = (name: FaultName): Fault => FAULTS[name];
