import { setTimeout as sleep } from "node:timers/promises";
import type { SiteName } from "../../examples/lab/layout.ts";
import { reasonOf } from "../../provider/errors.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { inside } from "../e2e/world.ts";
import type { Lane } from "./lane.ts";
import { leftForGood } from "./leftovers.ts";
import { readOffline } from "./offline.ts";
import type { Result } from "./result.ts";
import { lookAt, roleAt, type Setting } from "./scene.ts";
import { SEED, type Watch, WRITTEN_MIB } from "./watch.ts";

/** What a cell showed until its second `up` had ended. */
export interface Course {
  readonly ran: Result["ran"];
  readonly secondCode: number | undefined;
  readonly secondSaid: string;
  /** Whether the hypervisor that held the VM was made to die. */
  readonly mayDie: boolean;
  /** Whether it may have stood still until a path returned. */
  readonly mayPause: boolean;
}

export type Verdict = Pick<
  Result,
  "runs" | "tcpSurvived" | "longestPauseMs" | "longestWriteMs" | "pingGapMs" | "streamGapMs" | "failures"
>;

/** Where exactly one VM runs, whole, with nothing left of any move: or what of this is not so. */
export async function judge(lane: Lane, setting: Setting, watch: Watch, course: Course): Promise<Verdict> {
  const failures: string[] = [...watch.doubled];
  const heard = await watch.newestHeard();
  const [source, destination] = await Promise.all([lookAt(setting, setting.from), lookAt(setting, setting.to)]);
  if (source === "runs" && destination === "runs") failures.push("two VMs run");
  const runs = destination === "runs" ? "destination" : source === "runs" ? "source" : "nowhere";
  if (course.ran === "paused" && !course.mayPause) failures.push("the VM stood still when the move had ended");
  const home = runs === "destination" ? setting.to : runs === "source" ? setting.from : undefined;
  if (home === undefined) return await judgeDead(lane, setting, course, heard, failures);
  if (course.secondCode !== 0) failures.push(`the second up failed: ${course.secondSaid}`);
  else if (runs === "source") failures.push("the second up left the VM where it was");
  const seen = await judgeRunning(setting, watch, home, heard, failures);
  failures.push(...(await leftForGood(lane, setting, home)).map((line) => `left: ${line}`));
  return { runs, ...seen, failures };
}

async function judgeRunning(setting: Setting, watch: Watch, home: SiteName, heard: number, failures: string[]) {
  const { lab, inventory } = setting.here;
  const { bridge, tap } = segmentOf(inventory.vm.name);
  const ports = await inside(lab.namespaces[home], "ip", "-o", "link", "show", "master", bridge);
  if (!ports.includes(tap)) failures.push("the VM runs, and is not on its network");
  if (!(await watch.isReached())) failures.push("clients do not reach the VM");
  const { guest } = watch;
  await guest.verify().catch((thrown) => failures.push(`disk: ${reasonOf(thrown)}`));
  await guest.check(SEED, WRITTEN_MIB).catch((thrown) => failures.push(`disk: ${reasonOf(thrown)}`));
  await guest.checkMemory().catch((thrown) => failures.push(`memory: ${reasonOf(thrown)}`));
  const diary = await guest.reread();
  if (diary.bad > 0) failures.push(`of ${diary.records} synced records ${diary.bad} are lost`);
  if (diary.newest < heard)
    failures.push(`record ${heard} was told to be synced, and the guest knows of ${diary.newest}`);
  if (diary.errors > 0) failures.push(`${diary.errors} writes of the guest's failed`);
  const gaps = await watch.gaps();
  return {
    tcpSurvived: await watch.tcpSurvived(),
    longestPauseMs: await longestPause(watch),
    longestWriteMs: Math.round(diary.longestMs),
    ...{ pingGapMs: gaps.pingMs, streamGapMs: gaps.streamMs },
  };
}

/** The clock's own second must be over before a stop shows. */
async function longestPause({ guest }: Watch): Promise<number> {
  await sleep(1_200);
  const gaps = await guest.gaps(5);
  return Math.round(Math.max(0, ...gaps.map(({ lengthMs }) => lengthMs)));
}

async function judgeDead(
  lane: Lane,
  setting: Setting,
  course: Course,
  heard: number,
  failures: string[],
): Promise<Verdict> {
  if (!course.mayDie) failures.push("the VM runs nowhere, and no hypervisor that held it was killed");
  const has = [setting.from, setting.to].filter((site) => roleAt(setting, site) === "active");
  const home = has[0];
  if (home === undefined || has.length > 1) failures.push(`active by record: ${has.join(" and ") || "nowhere"}`);
  else {
    const { newest, bad } = await readOffline(setting, home);
    if (bad > 0) failures.push(`on the dead VM's disk ${bad} synced records are lost`);
    if (newest < heard) failures.push(`record ${heard} was told to be synced, and the disk ends with ${newest}`);
  }
  failures.push(...(await leftForGood(lane, setting, home)).map((line) => `left: ${line}`));
  return { runs: "nowhere", failures };
}
