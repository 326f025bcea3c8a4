import { fileURLToPath } from "node:url";
import { run } from "./command.ts";
import { type Lab, LIGHTPATH_MTU } from "./layout.ts";
import { delayByKernel, hasNetem, isDelayedByKernel } from "./netem.ts";
import { brokenCables, type Cable, type End, survey } from "./network.ts";
import type { Piece } from "./piece.ts";
import { type Daemon, inspectDaemon, startDaemon, stopDaemon } from "./process.ts";

const DELAY_LINE = fileURLToPath(new URL("span.py", import.meta.url));

/**
 * One channel of the long-haul span, transit's east ↔ san's west, with the described round trip, rate and loss:
 * by netem where the kernel has it, else by a delay line in a process of its own.
 */
export function spanPiece(lab: Lab, channel: number): Piece {
  const { rttMs, rateMbps, lossPercent } = lab.description.span;
  const east: End = { namespace: lab.namespaces["transit-switch"], device: `east${channel}` };
  const west: End = { namespace: lab.namespaces["san-switch"], device: `west${channel}` };
  const cable: Cable = { ends: [east, west], mtu: LIGHTPATH_MTU };
  const line: Daemon = {
    name: `span${channel}`,
    argv: [
      ...["python3", DELAY_LINE, ...cable.ends.map((end) => `${end.namespace}:${end.device}`)],
      ...["--rtt-ms", `${rttMs}`, "--rate-mbps", `${rateMbps}`, "--loss-percent", `${lossPercent}`],
    ],
    // It enters one namespace after the other to make its devices.
    settlesIn: west.namespace,
    inputs: "",
  };
  return {
    name: `span, channel ${channel}`,
    purpose: `transit to san: ${rttMs} ms round trip, ${rateMbps} Mbit/s, ${lossPercent} % loss`,
    async inspect() {
      if ((await brokenCables([cable])).length > 0) return `${east.device} and ${west.device} are not both there`;
      return (await isDelayedByKernel(lab, cable)) ? undefined : await inspectDaemon(lab, line);
    },
    async make() {
      await stopDaemon(lab, line.name);
      if (await hasNetem(lab)) {
        await delayByKernel(lab, cable);
        return;
      }
      await startDaemon(lab, line, () => bothThere(cable));
      for (const end of cable.ends) {
        await run(["ip", "-n", end.namespace, "link", "set", end.device, "mtu", `${cable.mtu}`]);
      }
    },
  };
}

async function bothThere(cable: Cable): Promise<boolean> {
  const look = await survey(cable.ends.map((end) => end.namespace));
  return cable.ends.every((end) => look(end) !== undefined);
}
