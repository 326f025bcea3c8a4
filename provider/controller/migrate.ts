import { TurntableError } from "../errors.ts";
import type { Arrival, Hypervisor, Transfer } from "../hypervisor/hypervisor.ts";
import type { Course } from "./course.ts";
import type { LitPath } from "./light.ts";
import type { Move } from "./move.ts";
import { copyMs } from "./prediction.ts";
import { progressLine } from "./progress.ts";
import type { ReadyTurn } from "./steer.ts";
import { haveTime, timeKeeper } from "./time-keeper.ts";
import type { Turns } from "./turns.ts";

/**
 * Moves disks and memory and switches over. If that fails, the destination is asked whether it committed: then the
 * move stands; else the VM runs on at the source. If it cannot be asked, nothing at all is taken back.
 */
export async function migrate(
  move: Move,
  arrival: Arrival,
  path: LitPath,
  turns: readonly ReadyTurn[],
  hypervisor: Hypervisor,
  course: Course,
  queue: Turns,
): Promise<Transfer> {
  const { from, to, vm, epoch, mode, downtimeBudgetMs } = move;
  const say = (line: string) => course.say(line);
  const keepTime = timeKeeper(path, say);
  let endTurn = () => {};
  try {
    const sending = hypervisor.send({
      ...{ source: from.place, destination: to.place, vm, arrival, mode, downtimeBudgetMs },
      ...{ bandwidthMbps: path.bandwidthMbps, rttMs: path.rttMs },
      encryption: move.path.encryption,
      warrants: move.warrants,
      turns: turns.map(({ staged }) => ({ ...staged.trigger, epoch })),
      memoryTurn: async (signal) => {
        const bytes = vm.memoryMiB * 2 ** 20;
        const waits = (whom: string) => course.say(`disks copied; waits its turn after ${whom}`);
        endTurn = await queue.take(vm.name, bytes, waits, signal);
        await haveTime("the copy of memory", copyMs(bytes, path.bandwidthMbps), path, say);
        return { bandwidthMbps: path.bandwidthMbps };
      },
      moreBandwidth: () => path.raise(),
      onNotice: (line) => course.warn(line),
      onProgress: (progress) => {
        course.progress(progressLine(progress, path.rttMs, mode));
        keepTime(progress);
      },
    });
    return await sending.finally(() => endTurn());
  } catch (thrown) {
    const mayHaveCommitted = !(thrown instanceof TurntableError && thrown.retry === "safe");
    if ((await settled(move, hypervisor, mayHaveCommitted, course)) === "source") throw thrown;
    course.warn(`the connection broke after the switchover; the VM is at ${to.location.name}`);
    return { memoryBytes: 0, diskBytes: 0, blackoutMs: undefined, iterations: [], events: [] };
  }
}

async function settled(move: Move, hypervisor: Hypervisor, mayHaveCommitted: boolean, course: Course) {
  try {
    course.heed();
    return await hypervisor.settle(move.from.place, move.to.place, move.vm, mayHaveCommitted);
  } catch (thrown) {
    course.keepEverything();
    throw thrown;
  }
}
