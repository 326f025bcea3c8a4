import { setTimeout as sleep } from "node:timers/promises";
import type { MoveRecord } from "../../../provider/controller/placement.ts";
import type { Inventory } from "../inventory.ts";
import { type FrameReport, watchFrames } from "../probe/frames.ts";
import { GuestControl } from "../probe/guest-control.ts";
import { type PingReport, startPing } from "../probe/ping.ts";
import { type Gap, monotonicMs, type Probe } from "../probe/report.ts";
import { type StreamReport, startStream } from "../probe/stream.ts";
import { longest, longestWithin } from "./gaps.ts";

/** How long after a move everything is known: late pings are lost pings, and the guest's clock has settled. */
const AFTERGLOW_MS = 4_000;
/** What belongs to a switchover: pings may be on their way when the guest stops, and its network takes a moment to follow it. */
const AROUND_SWITCHOVER_MS = { before: 100, after: 1_000 };

/** One move, as seen by everyone who watched. Times and lengths in ms; gaps are the largest of the whole move. */
export interface WatchedMove {
  readonly from: string;
  readonly to: string;
  readonly tcpSurvived: boolean;
  readonly downtimeMs: {
    /** The guest's own clock loop. */
    readonly guest: number;
    /** Between two samples at the client. */
    readonly stream: number;
    /** Between two replies. */
    readonly ping: number;
    /** Source STOP to destination RESUME. */
    readonly blackout: number;
  };
  readonly lostPings: number;
  /** The same around the switchover alone; absent where the record does not tell when it was. */
  readonly switchover?: { readonly streamMs: number; readonly pingMs: number; readonly lostPings: number };
  /**
   * From the move's first command to the source's STOP: a gap that ends with the switchover counts with what lay before it.
   * Absent where the record does not tell when that was.
   */
  readonly beforeStop?: { readonly streamMs: number; readonly pingMs: number };
  readonly memoryBytes: number;
  readonly diskBytes: number;
  /** Of the guest's disk writes during the move; absent if there were none. */
  readonly writeP99Ms?: number;
  readonly totalMs: number;
  readonly stages: Readonly<Record<string, number>>;
  /** As Pulumi exports it. */
  readonly record: MoveRecord;
  /** The largest gap between two samples, on {@link monotonicMs}; absent if there was none. */
  readonly streamGap?: Gap;
  /** What must not be; each a sentence. Empty: nothing was wrong. */
  readonly faults: readonly string[];
}

/** Everything that watches a VM of the lab from outside, on one clock. */
export class Watch {
  readonly #guest: GuestControl;
  readonly #stream: Probe<StreamReport>;
  readonly #ping: Probe<PingReport>;
  readonly #frames: Readonly<Record<"ams" | "san", Probe<FrameReport>>>;

  private constructor(
    guest: GuestControl,
    stream: Probe<StreamReport>,
    ping: Probe<PingReport>,
    frames: Readonly<Record<"ams" | "san", Probe<FrameReport>>>,
  ) {
    this.#guest = guest;
    this.#stream = stream;
    this.#ping = ping;
    this.#frames = frames;
  }

  /** Resolves when the guest answers and one TCP connection to it is open, which is kept to the end. */
  static async begin({ namespaces, vm }: Inventory): Promise<Watch> {
    const address = vm.network.address.split("/")[0] ?? "";
    const guest = await GuestControl.connect(namespaces.client, address, 60);
    const [stream, ping, ams, san] = await Promise.all([
      startStream(namespaces.client, address),
      startPing(namespaces.client, address),
      watchFrames(namespaces.ams, vm.network.mac),
      watchFrames(namespaces.san, vm.network.mac),
    ]);
    return new Watch(guest, stream, ping, { ams, san });
  }

  get guest(): GuestControl {
    return this.#guest;
  }

  /** Watches from before `move`'s first command to some seconds after its last. */
  async during(move: () => Promise<MoveRecord>): Promise<WatchedMove> {
    await this.#guest.clear();
    await sleep(1_500);
    const fromAtMs = monotonicMs();
    const record = await move();
    const toAtMs = monotonicMs();
    await sleep(AFTERGLOW_MS);
    const guestGaps = await this.#guest.settledGaps(10);
    const stream = await this.#stream.report(fromAtMs, toAtMs);
    const ping = await this.#ping.report(fromAtMs, toAtMs);
    const tcpSurvived = stream.survived && stream.holeCount === 0;
    const streamGap = stream.gaps[0];
    const switchover = await this.#aroundSwitchover(record);
    const beforeStop = await this.#beforeStop(record, fromAtMs);
    return {
      ...{ record, ...(streamGap ? { streamGap } : {}), ...(switchover ? { switchover } : {}) },
      ...(beforeStop ? { beforeStop } : {}),
      ...{ from: record.from, to: record.to, tcpSurvived, lostPings: ping.lost },
      downtimeMs: {
        guest: Math.round(Math.max(0, ...guestGaps.map(({ lengthMs }) => lengthMs))),
        ...{ stream: longest(stream.gaps), ping: longest(ping.gaps), blackout: record.blackoutMs ?? 0 },
      },
      ...{ memoryBytes: record.memoryBytes, diskBytes: record.diskBytes },
      ...(record.writeP99Ms === undefined ? {} : { writeP99Ms: record.writeP99Ms }),
      ...{ totalMs: record.totalMs, stages: record.stages },
      faults: [
        ...(tcpSurvived ? [] : [`the TCP session did not survive: ${stream.ended?.reason ?? "samples are missing"}`]),
        ...(await this.#orderFaults(record, toAtMs)),
      ],
    };
  }

  async stop(): Promise<void> {
    const { ams, san } = this.#frames;
    await Promise.all([this.#guest.close(), this.#stream.stop(), this.#ping.stop(), ams.stop(), san.stop()]);
  }

  async #aroundSwitchover({ stopAtMs, timelineMs }: MoveRecord): Promise<WatchedMove["switchover"]> {
    const resumeMs = timelineMs["destination RESUME"];
    if (stopAtMs === undefined || resumeMs === undefined) return undefined;
    const { before, after } = AROUND_SWITCHOVER_MS;
    const range = [stopAtMs - before, stopAtMs + resumeMs + after] as const;
    const [stream, ping] = await Promise.all([this.#stream.report(...range), this.#ping.report(...range)]);
    return { streamMs: longest(stream.gaps), pingMs: longest(ping.gaps), lostPings: ping.lost };
  }

  async #beforeStop({ stopAtMs }: MoveRecord, fromAtMs: number): Promise<WatchedMove["beforeStop"]> {
    if (stopAtMs === undefined) return undefined;
    const range = [fromAtMs, stopAtMs] as const;
    const [stream, ping] = await Promise.all([this.#stream.report(...range), this.#ping.report(...range)]);
    return { streamMs: longestWithin(stream.gaps, ...range), pingMs: longestWithin(ping.gaps, ...range) };
  }

  /** Source STOP before destination RESUME on one clock, and no frame of the VM's from the source after it. */
  async #orderFaults(record: MoveRecord, toAtMs: number): Promise<string[]> {
    const { stopAtMs, timelineMs } = record;
    const resumeMs = timelineMs["destination RESUME"];
    if (stopAtMs === undefined || resumeMs === undefined) return ["the record lacks STOP or RESUME"];
    const { count, complete } = await this.#frames[record.from === "ams" ? "ams" : "san"].report(
      stopAtMs + resumeMs,
      toAtMs,
    );
    return [
      ...(resumeMs > 0 ? [] : [`the destination resumed ${-resumeMs} ms before the source stopped`]),
      ...(count === 0 ? [] : [`${count} frames of the VM left ${record.from} after the destination resumed`]),
      ...(complete ? [] : [`not every frame at ${record.from} was seen`]),
    ];
  }
}
