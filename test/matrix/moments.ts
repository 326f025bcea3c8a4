import { existsSync } from "node:fs";
import { awaitsLock, lockFolder } from "../breakage/folder-lock.ts";
import { halt, isSentProgram, processesIn, signal } from "../breakage/processes.ts";
import { until } from "../breakage/until.ts";
import { loseReplica, whenCopying } from "../e2e/breakage.ts";
import { shapePath, whenCommitted } from "../e2e/crash.ts";
import { inside } from "../e2e/world.ts";
import type { Up } from "./engine/driver.ts";
import {
  counterOf,
  folderAt,
  framesSent,
  type Mend,
  pilotAt,
  qemuAt,
  requirePilot,
  type Setting,
  whenStage,
} from "./scene.ts";

/** The moments of a move at which something may break, in their order. */
export const MOMENTS = [
  "before copy",
  "disk copy",
  "memory copy",
  "before continue",
  "after continue",
  "after RESUME",
  "before release",
] as const;
export type Moment = (typeof MOMENTS)[number];

/** What each moment is, for the table. */
export const MEANINGS: Record<Moment, string> = {
  "before copy": "the path is lit, both pilots stand beside their QEMU, no block was copied",
  "disk copy": "the disk is on its way",
  "memory copy": "the memory is on its way",
  "before continue": "switchover: the guest is stopped, `migrate-continue` was not sent",
  "after continue": "switchover: all of the memory is at the destination, which has recorded nothing",
  "after RESUME": "the guest runs at the destination; source, gateway and controller have not heard of it",
  "before release": "the gateway has turned; nothing was given back, the source's QEMU still stands there",
};

/** The memory takes ten seconds and more then: time to break something in the middle, also for a fault that takes some to come. */
const SLOW_MBPS = 40;
const FAST_MBPS = 850;
/** A guest that sends a sample each millisecond and is silent for so long is stopped. */
const SILENT_MS = 150;

/** Before the move begins: what makes its moment come, and last. */
export async function makeRoomFor(moment: Moment, setting: Setting): Promise<void> {
  if (moment === "disk copy") await loseReplica(setting.here, setting.to);
}

type Overdue = (() => Promise<void>) | undefined;

/** A move under way, as much as must be known of it to make it stand still. */
export interface Reached extends Setting {
  readonly up: Pick<Up, "controller">;
}

/**
 * Waits for a moment of a move and makes it last: whoever would end it stands still until what this resolves with is
 * called. `overdue`, of a fault that takes time to come, is waited for in the copy before. Rejects, with nobody held, if
 * the moment does not come.
 */
export async function reach(moment: Moment, scene: Reached, overdue: Overdue): Promise<Mend> {
  switch (moment) {
    case "before copy":
      return await beforeCopy(scene);
    case "disk copy":
    case "memory copy":
      return await copying(scene, moment === "disk copy" ? "disk" : "memory", overdue);
    case "before continue":
      return await beforeContinue(scene, overdue);
    case "after continue":
      return await afterContinue(scene, overdue);
    case "after RESUME":
      return await afterResume(scene, overdue);
    case "before release":
      return await beforeRelease(scene);
  }
}

async function beforeCopy(scene: Reached): Promise<Mend> {
  await whenStage(scene, scene.from, "migrate");
  await until("the source's pilot", async () => (await pilotAt(scene, scene.from)) !== undefined, 20_000, 2);
  const goOn = await still([await scene.up.controller]);
  if (!existsSync(`${folderAt(scene, scene.from)}/near-data.pid`)) return goOn;
  await goOn();
  throw new Error("the moment was missed: the copy had begun");
}

async function copying(scene: Reached, what: "disk" | "memory", overdue: Overdue): Promise<Mend> {
  const { here, from } = scene;
  await whenStage(scene, from, "migrate");
  await shapePath(here, from, SLOW_MBPS);
  await whenCopying(here, from, what);
  await overdue?.();
  return () => shapePath(here, from, FAST_MBPS);
}

/** The pilot stands still while QEMU sends the memory, and so QEMU waits for it with the guest stopped. */
async function beforeContinue(scene: Reached, overdue: Overdue): Promise<Mend> {
  const fast = await copying(scene, "memory", overdue);
  const goOn = await still([await requirePilot(scene, scene.from)]);
  return await held(goOn, async () => {
    await fast();
    await whenSilent(scene);
  });
}

/** The record's lock is somebody else's, and so the destination's pilot waits with all that it needs. */
async function afterContinue(scene: Reached, overdue: Overdue): Promise<Mend> {
  const fast = await copying(scene, "memory", overdue);
  const release = await lockFolder(folderAt(scene, scene.to));
  return await held(release, async () => {
    const pilot = await requirePilot(scene, scene.to);
    await fast();
    await awaitsLock(pilot);
  });
}

/** Then it goes on alone: those whom it tells stand still. */
async function afterResume(scene: Reached, overdue: Overdue): Promise<Mend> {
  const { here, to } = scene;
  const unlock = await afterContinue(scene, overdue);
  const goOn = await listenersStill(scene).finally(unlock);
  return await held(goOn, async () => {
    await whenCommitted(here, to);
    const before = await framesSent(scene, to);
    await until("the guest runs at the destination", async () => (await framesSent(scene, to)) > before, 5_000, 5);
  });
}

async function listenersStill(scene: Reached): Promise<Mend> {
  const gateway = await processesIn(scene.here.lab.namespaces.gateway);
  const helpers = gateway.filter((pid) => isSentProgram(pid));
  return await still([await requirePilot(scene, scene.from), await scene.up.controller, ...helpers]);
}

async function beforeRelease(scene: Reached): Promise<Mend> {
  await whenStage(scene, scene.to, "release");
  const goOn = await still([await scene.up.controller]);
  if ((await qemuAt(scene, scene.from)) !== undefined) return goOn;
  await goOn();
  throw new Error("the moment was missed: the source's QEMU had ended");
}

/** Nobody is left held for a moment that was missed. */
async function held(goOn: Mend, comes: () => Promise<void>): Promise<Mend> {
  try {
    await comes();
    return goOn;
  } catch (thrown) {
    await goOn();
    throw thrown;
  }
}

async function still(pids: readonly number[]): Promise<Mend> {
  for (const pid of pids) await halt(pid);
  return async () => {
    for (const pid of pids) signal(pid, "SIGCONT");
  };
}

async function whenSilent({ here: { lab, inventory }, from }: Setting): Promise<void> {
  await inside(lab.namespaces[from], "python3", "-c", SILENCE, counterOf(inventory.vm.name), String(SILENT_MS / 1_000));
}

const SILENCE = `
import sys, time
def count():
    with open(sys.argv[1]) as file:
        return file.read()
last, since, limit = count(), time.monotonic(), time.monotonic() + 30
while time.monotonic() - since < float(sys.argv[2]):
    if time.monotonic() > limit:
        sys.exit("the guest was not stopped")
    time.sleep(0.01)
    now = count()
    if now != last:
        last, since = now, time.monotonic()
`;
