import { attempt, ipBatch, run } from "./command.ts";
import { readIfThere, writeAtomically } from "./files.ts";
import type { Lab } from "./layout.ts";
import { type Cable, type End, layCable } from "./network.ts";

/** Whether this kernel can delay packets: tried on a loopback device of the lab, where nothing else is queued. */
export async function hasNetem(lab: Lab): Promise<boolean> {
  const on = ["-n", lab.namespaces.core];
  const added = await attempt(["tc", ...on, "qdisc", "replace", "dev", "lo", "root", "netem", "delay", "1ms"]);
  if (added.code !== 0) return false;
  await run(["tc", ...on, "qdisc", "delete", "dev", "lo", "root"]);
  return true;
}

/** A veth pair of which each end sends with the span's rate, loss and one-way delay. */
export async function delayByKernel(lab: Lab, cable: Cable): Promise<void> {
  await ipBatch([await layCable(cable)]);
  for (const end of cable.ends) {
    await run(["tc", "-n", end.namespace, "qdisc", "replace", "dev", end.device, "root", "netem", ...settings(lab)]);
  }
  await writeAtomically(settingsFile(lab, cable.ends[0]), settings(lab).join(" "));
}

/** Whether both ends have netem, with the present description's settings. */
export async function isDelayedByKernel(lab: Lab, cable: Cable): Promise<boolean> {
  for (const end of cable.ends) {
    const shown = await attempt(["tc", "-n", end.namespace, "qdisc", "show", "dev", end.device, "root"]);
    if (!shown.stdout.includes("netem")) return false;
  }
  return (await readIfThere(settingsFile(lab, cable.ends[0]))) === settings(lab).join(" ");
}

function settings(lab: Lab): readonly string[] {
  const { rttMs, rateMbps, lossPercent } = lab.description.span;
  // Room for what is under way and as much again, counted in the smallest packets that come in bulk.
  const packets = Math.ceil((rateMbps * 1e6 * (2 * rttMs + 200)) / 1000 / 8 / 1500);
  return [
    ...["limit", `${packets}`, "delay", `${rttMs / 2}ms`, "rate", `${rateMbps}mbit`],
    ...(lossPercent > 0 ? ["loss", `${lossPercent}%`] : []),
  ];
}

function settingsFile(lab: Lab, end: End): string {
  return lab.path("run", `netem-${end.device}`);
}
