import { setTimeout as sleep } from "node:timers/promises";
import type { SiteName } from "../../examples/lab/layout.ts";
import { type DiaryReport, listenToDiary } from "../../examples/lab/probe/diary.ts";
import { type FrameReport, watchFrames } from "../../examples/lab/probe/frames.ts";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { type PingReport, startPing } from "../../examples/lab/probe/ping.ts";
import { type Gap, monotonicMs, type Probe } from "../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../examples/lab/probe/stream.ts";
import type { World } from "../e2e/world.ts";

/** The file that the guest writes before each move. */
export const SEED = 7;
export const WRITTEN_MIB = 4;
const RECORDS_A_SECOND = 50;
/** A guest boots in some seconds, on a busy machine in some more. */
const BOOT_SECONDS = 120;
/** Both sites' frames are set beside each other this often. */
const COMPARE_MS = 400;
/** A stream that was held up for long goes on when TCP tries again. */
const STREAM_PATIENCE_MS = 30_000;

/** Everybody who watches a VM from outside, through the clients' gateway and at both sites. */
export class Watch {
  readonly guest: GuestControl;
  readonly #stream: Probe<StreamReport>;
  readonly #ping: Probe<PingReport>;
  readonly #diary: Probe<DiaryReport>;
  readonly #frames: Readonly<Record<SiteName, Probe<FrameReport>>>;
  #fromAtMs = monotonicMs();
  #doubled: string[] = [];

  private constructor(
    guest: GuestControl,
    probes: {
      stream: Probe<StreamReport>;
      ping: Probe<PingReport>;
      diary: Probe<DiaryReport>;
      frames: Record<SiteName, Probe<FrameReport>>;
    },
  ) {
    this.guest = guest;
    this.#stream = probes.stream;
    this.#ping = probes.ping;
    this.#diary = probes.diary;
    this.#frames = probes.frames;
  }

  /** Resolves when the guest answers and one TCP session to it is open, which is kept for as long as it lives. */
  static async begin(here: World): Promise<Watch> {
    const { namespaces, vm } = here.inventory;
    const address = vm.network.address.split("/")[0] ?? "";
    const guest = await GuestControl.connect(namespaces.client, address, BOOT_SECONDS);
    const [stream, ping, diary, ams, san] = await Promise.all([
      startStream(namespaces.client, address),
      startPing(namespaces.client, address),
      listenToDiary(namespaces.client, address),
      watchFrames(namespaces.ams, vm.network.mac),
      watchFrames(namespaces.san, vm.network.mac),
    ]);
    return new Watch(guest, { stream, ping, diary, frames: { ams, san } });
  }

  /** From now on counts. */
  async start(): Promise<void> {
    await this.guest.clear();
    await this.guest.diary(RECORDS_A_SECOND);
    this.#fromAtMs = monotonicMs();
    this.#doubled = [];
    let comparing = true;
    const loop = async () => {
      for (let sinceMs = monotonicMs(); comparing; ) {
        await sleep(COMPARE_MS);
        const nowMs = monotonicMs();
        await this.#compare(sinceMs, nowMs).catch(() => undefined);
        sinceMs = nowMs;
      }
    };
    const running = loop();
    this.stop = async () => {
      comparing = false;
      await running;
    };
  }

  /** Ends the comparing of both sites' frames. */
  stop: () => Promise<void> = async () => undefined;

  /** Times at which frames of the VM's left both sites in turns, as those of two running copies would. */
  get doubled(): readonly string[] {
    return this.#doubled;
  }

  async #compare(fromMs: number, toMs: number): Promise<void> {
    const [ams, san] = await Promise.all([
      this.#frames.ams.report(fromMs, toMs),
      this.#frames.san.report(fromMs, toMs),
    ]);
    const [a, s] = [timesOf(ams), timesOf(san)];
    if (a.length === 0 || s.length === 0) return;
    const apart = Math.max(...a) < Math.min(...s) || Math.max(...s) < Math.min(...a);
    if (!apart) this.#doubled.push(`frames left both sites between ${Math.round(fromMs)} and ${Math.round(toMs)} ms`);
  }

  /** The newest record that was heard to be durable. */
  async newestHeard(): Promise<number> {
    return (await this.#diary.report()).newest;
  }

  /** Whether one TCP session lasted and nothing of it is missing. */
  async tcpSurvived(): Promise<boolean> {
    for (const deadline = Date.now() + STREAM_PATIENCE_MS; ; await sleep(500)) {
      const { survived, ended, holeCount } = await this.#stream.report();
      if (ended !== null || holeCount > 0) return false;
      if (survived || Date.now() > deadline) return survived;
    }
  }

  /** Whether a ping was answered within the last second, now or soon. */
  async isReached(patienceMs = 10_000): Promise<boolean> {
    for (const deadline = Date.now() + patienceMs; ; await sleep(200)) {
      if (monotonicMs() - (await this.#ping.report()).lastReplyAtMs < 1_000) return true;
      if (Date.now() > deadline) return false;
    }
  }

  /** The longest time without an answer to a ping, and without a sample, since it counts. */
  async gaps(): Promise<{ readonly pingMs: number; readonly streamMs: number }> {
    const [ping, stream] = await Promise.all([this.#ping.report(this.#fromAtMs), this.#stream.report(this.#fromAtMs)]);
    return { pingMs: longest(ping.gaps), streamMs: longest(stream.gaps) };
  }

  async close(): Promise<void> {
    await this.stop();
    const probes = [this.#stream, this.#ping, this.#diary, this.#frames.ams, this.#frames.san];
    await Promise.all([this.guest.close(), ...probes.map((probe) => probe.stop())]);
  }
}

const timesOf = ({ frames }: FrameReport) => frames.map(({ atMs }) => atMs);
const longest = (gaps: readonly Gap[]) => Math.round(Math.max(0, ...gaps.map(({ lengthMs }) => lengthMs)));
