import { setTimeout as sleep } from "node:timers/promises";
import type { SiteName } from "../../examples/lab/layout.ts";
import { monotonicMs } from "../../examples/lab/probe/report.ts";
import { reasonOf } from "../../provider/errors.ts";
import { allowanceOf } from "./allowance.ts";
import type { Up } from "./engine/driver.ts";
import type { Fault } from "./faults/fault.ts";
import { faultNamed } from "./faults/index.ts";
import { judge, type Verdict } from "./judgement.ts";
import type { Lane } from "./lane.ts";
import { leftNow } from "./leftovers.ts";
import { makeRoomFor, reach } from "./moments.ts";
import type { Cell, Result } from "./result.ts";
import { lookAt, type Mend, roleAt, type Scene, type Setting } from "./scene.ts";
import { SEED, Watch, WRITTEN_MIB } from "./watch.ts";

const MOST_UPS = 3;
/** A controller that has not ended by then hangs: its own patience is shorter everywhere. */
const END_TIMEOUT_MS = 180_000;
/** After the move has ended, a VM that goes on by itself does so within this. */
const GOING_ON_MS = 10_000;

export type Played = Omit<Result, "at" | "commit" | "digest" | "driver">;

/** Plays cells in a lane, one after the other; a VM that a cell leaves healthy is the next one's. */
export class Player {
  readonly #lane: Lane;
  #watch: Watch | undefined;
  #site: SiteName | undefined;
  /** Why no further cell can be played in this lane, if so: the VM of the last one could not be removed. */
  stuck: string | undefined;

  constructor(lane: Lane) {
    this.#lane = lane;
  }

  /** Rejects if the cell could not be played at all; then nothing is left of its VM. */
  async play(cell: Cell): Promise<Played> {
    const beganMs = monotonicMs();
    try {
      const { setting, watch } = await this.#ready();
      // More than a replica has: something is to be copied, and is to be right afterwards.
      await watch.guest.write(SEED, WRITTEN_MIB);
      await watch.start();
      const broken = await this.#break(cell, setting);
      const again = await this.#again(setting, broken.killed);
      const verdict = await judge(this.#lane, setting, watch, {
        ...{ ...broken, ...again },
        ...allowanceOf(cell),
      });
      await watch.stop();
      await this.#keep(verdict, setting);
      const { failures, ...seen } = verdict;
      return {
        ...{ ...cell, from: setting.from, passed: failures.length === 0, failures, ...seen },
        ...{ ran: broken.ran, left: broken.left, heldMs: broken.heldMs, said: broken.said },
        ups: again.ups,
        tookMs: Math.round(monotonicMs() - beganMs),
      };
    } catch (thrown) {
      await this.#recover(thrown);
      throw thrown;
    }
  }

  /** A VM that was not harmed is the next cell's. */
  async #recover(thrown: unknown): Promise<void> {
    await this.#watch?.stop();
    if (thrown instanceof Lapsed) {
      const ran = await whereItRuns(thrown.setting);
      if (ran === "source" || ran === "destination") {
        this.#site = thrown.setting[END[ran]];
        return;
      }
    }
    await this.clear().catch((reason: unknown) => {
      this.stuck = reasonOf(reason);
    });
  }

  /** Removes the VM, if there is one. */
  async clear(): Promise<void> {
    await this.#watch?.close();
    this.#watch = undefined;
    this.#site = undefined;
    await this.#lane.driver.afterKill();
    await this.#lane.driver.destroy();
  }

  async #ready(): Promise<{ setting: Setting; watch: Watch }> {
    const { here, driver } = this.#lane;
    if (this.#site === undefined) {
      const up = driver.up("ams");
      if ((await up.ended) !== 0) throw new Error(`the VM was not made: ${up.output.slice(-1_000)}`);
      this.#site = "ams";
    }
    this.#watch ??= await Watch.begin(here);
    const from = this.#site;
    return { setting: { here, from, to: from === "ams" ? "san" : "ams" }, watch: this.#watch };
  }

  /** The move that breaks, to its end; what is to be mended is mended. */
  async #break(cell: Cell, setting: Setting) {
    const fault = faultNamed(cell.fault);
    const mends: Mend[] = [];
    let heldMs = 0;
    const up = await this.#start(cell, setting, fault, mends);
    const scene: Scene = { ...setting, up };
    try {
      if (!fault.early?.includes(cell.moment)) {
        const lapsed = up.ended.then(() => Promise.reject(new Lapsed(setting, up)));
        lapsed.catch(() => undefined);
        const { overdue: comes } = fault;
        const overdue = comes && (() => comes(setting));
        const goOn = await Promise.race([reach(cell.moment, scene, overdue), lapsed]);
        const heldSinceMs = monotonicMs();
        mends.push(await fault.inject(scene, cell.moment).finally(goOn));
        heldMs = Math.round(monotonicMs() - heldSinceMs);
      }
      const code = await ended(up);
      const ran = await whereItRuns(setting);
      for (const mend of mends.splice(0).reverse()) await mend();
      const left = await leftNow(setting, ran === "paused" || ran === "nowhere" ? undefined : setting[END[ran]]);
      return { ran, left, heldMs, killed: code === undefined, code, said: lastWordOf(up) };
    } catch (thrown) {
      await up.kill().catch(() => undefined);
      for (const mend of mends.splice(0).reverse()) await mend().catch(() => undefined);
      if (thrown instanceof Lapsed) throw thrown;
      throw new Error(`${cell.fault} × ${cell.moment} could not be played: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }

  async #start({ moment }: Cell, setting: Setting, fault: Fault, mends: Mend[]): Promise<Up> {
    if (fault.prepare) mends.push(await fault.prepare(setting, moment));
    await makeRoomFor(moment, setting);
    return this.#lane.driver.up(setting.to);
  }

  /** What an operator does next: `up`, and again where that one, on a busy machine, gives its move up as a whole. */
  async #again({ to }: Setting, killed: boolean) {
    if (killed) await this.#lane.driver.afterKill();
    for (let ups = 1; ; ups++) {
      const up = this.#lane.driver.up(to);
      const again = { ups, secondCode: await ended(up), secondSaid: lastWordOf(up) };
      if (ups === MOST_UPS || !/Everything was taken back/.test(again.secondSaid)) return again;
    }
  }

  /** The next cell goes on with what is healthy. */
  async #keep({ runs, tcpSurvived, failures }: Verdict, setting: Setting): Promise<void> {
    if (runs === "nowhere" || failures.length > 0) {
      await this.clear().catch((thrown: unknown) => {
        this.stuck = reasonOf(thrown);
      });
      return;
    }
    this.#site = setting[END[runs]];
    if (tcpSurvived) return;
    await this.#watch?.close();
    this.#watch = undefined;
  }
}

/** The move ended, one way or the other, before its moment came: as when a busy machine makes somebody give up. */
export class Lapsed extends Error {
  readonly setting: Setting;

  constructor(setting: Setting, up: Up) {
    super(`the move ended before its moment came: ${lastWordOf(up)}`);
    this.setting = setting;
  }
}

const END = { source: "from", destination: "to" } as const;

async function ended(up: Up): Promise<number | undefined> {
  const late = sleep(END_TIMEOUT_MS, "late" as const, { ref: false });
  const code = await Promise.race([up.ended, late]);
  if (code !== "late") return code;
  throw new Error(`the controller has not ended after ${END_TIMEOUT_MS / 1_000} s: ${up.output.slice(-1_000)}`);
}

/** "paused": it stands still, and does not go on by itself for now. */
export async function whereItRuns(setting: Setting): Promise<Result["ran"]> {
  for (const deadline = Date.now() + GOING_ON_MS; ; await sleep(200)) {
    const [source, destination] = await Promise.all([lookAt(setting, setting.from), lookAt(setting, setting.to)]);
    if (destination === "runs") return "destination";
    if (source === "runs") return "source";
    if (Date.now() < deadline) continue;
    // What stands still where the VM comes from is no VM any more once it was committed to the other site.
    const sourceCounts = source !== "absent" && roleAt(setting, setting.to) !== "active";
    return sourceCounts || destination !== "absent" ? "paused" : "nowhere";
  }
}

function lastWordOf({ output }: Up): string {
  const lines = output.split("\n").filter((line) => line.trim() !== "");
  const error = lines.findLast((line) => /error: /.test(line));
  return (error ?? lines.at(-1) ?? "").trim().slice(0, 600);
}
