import { commandOf, parentOf, signal } from "../../breakage/processes.ts";
import { killHypervisor } from "../../e2e/breakage.ts";
import { nothingToMend, requirePilot, type Scene } from "../scene.ts";
import type { Fault } from "./fault.ts";

const NO_PILOT = "both pilots have ended by then, their part being done";

/** SIGKILL to the process that moves the VM, and to the CLI that started it where there is one. */
export const controllerKilled: Fault = {
  async inject({ up }) {
    await up.kill();
    return nothingToMend;
  },
};

export const sourcePilotKilled: Fault = {
  impossible: { "before release": NO_PILOT },
  async inject(scene) {
    signal(await requirePilot(scene, scene.from), "SIGKILL");
    return nothingToMend;
  },
};

export const destinationPilotKilled: Fault = {
  impossible: { "before release": NO_PILOT },
  async inject(scene) {
    signal(await requirePilot(scene, scene.to), "SIGKILL");
    return nothingToMend;
  },
};

/** The ssh connections that the pilots' lines to their controller are part of, at both hosts. */
export const pilotChannelCut: Fault = {
  impossible: { "before release": NO_PILOT },
  async inject(scene) {
    const servers = [await sshServerOf(scene, "from"), await sshServerOf(scene, "to")];
    for (const pid of servers) signal(pid, "SIGKILL");
    return nothingToMend;
  },
};

async function sshServerOf(scene: Scene, end: "from" | "to"): Promise<number> {
  let pid: number | undefined = await requirePilot(scene, scene[end]);
  while (pid !== undefined && pid > 1 && !/^sshd(-session)?: /.test(commandOf(pid))) pid = parentOf(pid);
  if (pid !== undefined && pid > 1) return pid;
  throw new Error(`the pilot at ${scene[end]} hangs on no ssh connection`);
}

export const sourceQemuKilled: Fault = {
  async inject({ here, from }) {
    await killHypervisor(here, from);
    return nothingToMend;
  },
};

export const destinationQemuKilled: Fault = {
  async inject({ here, to }) {
    await killHypervisor(here, to);
    return nothingToMend;
  },
};
