import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../errors.ts";
import type { Host } from "../host/host.ts";

/** One host's end of a lit path. */
export interface Attachment {
  readonly host: Host;
  /** The port's device that faces the channel. */
  readonly device: string;
  readonly address: string;
  /** The other host's address on the path, out of an unrelated plan. */
  readonly peerAddress: string;
  readonly mtu: number;
  readonly bandwidthMbps: number;
  /** Initial congestion and receive window, in segments (ip-route(8)): slow start costs seconds at this distance. */
  readonly initialWindowSegments: number;
}

const HEADER_BYTES = 52;
const FLOOR_SEGMENTS = 10;
/** More was not faster where it was measured: half of 1 Gbit/s × 198 ms in jumbo frames. */
const CEILING_SEGMENTS = 1_400;
const PING_TRIES = 10;

/** A little under the path's rate: a queue forms here, where the sender feels it, and never on the way. */
const SHARE_OF_PATH = 0.98;
const SHAPER = ["burst", "256kb", "limit", "8mb"];

/** Half of the path's bandwidth-delay product, in segments. */
export function initialWindowSegments(bandwidthMbps: number, rttMs: number, mtu: number): number {
  const segments = Math.round((bandwidthMbps * 1e3 * rttMs) / 8 / 2 / (mtu - HEADER_BYTES));
  return Math.min(CEILING_SEGMENTS, Math.max(FLOOR_SEGMENTS, segments));
}

/**
 * Gives the host its address on the path and the way to the other one, shaped to the path's rate. QEMU sends by
 * tenths of a second; without the shaper a burst waits on the way, and the switchover behind it. Idempotent.
 */
export async function attach(end: Attachment): Promise<void> {
  const { host, device, address, peerAddress } = end;
  await host.run(["tc", "qdisc", "replace", "dev", device, "root", ...shaperFor(end)]);
  const window = String(end.initialWindowSegments);
  await host.run(["ip", "link", "set", device, "mtu", String(end.mtu), "up"]);
  await host.run(["ip", "address", "replace", `${address}/32`, "dev", device]);
  const route = ["ip", "route", "replace", `${peerAddress}/32`, "dev", device, "src", address];
  await host.run([...route, "congctl", "cubic", "initcwnd", window, "initrwnd", window]);
}

/** The path carries another rate from now on; what waits at this end of it goes on at the new one. */
export async function reshape(end: Pick<Attachment, "host" | "device" | "bandwidthMbps">): Promise<void> {
  await end.host.run(["tc", "qdisc", "change", "dev", end.device, "root", ...shaperFor(end)]);
}

function shaperFor({ bandwidthMbps }: Pick<Attachment, "bandwidthMbps">): readonly string[] {
  return ["tbf", "rate", `${Math.floor(bandwidthMbps * 1e3 * SHARE_OF_PATH)}kbit`, ...SHAPER];
}

/** Undo of attach: the port is down and has no address. A port whose device is gone has neither. */
export async function detach(end: Pick<Attachment, "host" | "device">): Promise<void> {
  const { code } = await end.host.run(["ip", "link", "show", "dev", end.device], { allowFailure: true });
  if (code !== 0) return;
  await end.host.run(["ip", "address", "flush", "dev", end.device]);
  await end.host.run(["tc", "qdisc", "del", "dev", end.device, "root"], { allowFailure: true });
  await end.host.run(["ip", "link", "set", end.device, "down"]);
}

/** Resolves with the smallest round trip in ms, once the far end answers. Rejects with lightpath.failed after ten silent tries. */
export async function measureRtt(end: Attachment): Promise<number> {
  const probe = ["ping", "-n", "-c", "2", "-i", "0.2", "-W", "1", "-I", end.address, end.peerAddress];
  for (let tries = 0; tries < PING_TRIES; tries++) {
    const { stdout } = await end.host.run(probe, { allowFailure: true });
    const rttMs = /= ([\d.]+)\//.exec(stdout)?.[1];
    if (rttMs) return Number(rttMs);
    await sleep(100);
  }
  throw new TurntableError(
    "lightpath.failed",
    `${end.host.name} gets no answer from ${end.peerAddress} over the path`,
    {
      retry: "safe",
      next: "The domains say that the path is up: check the port's device and the cable to the domain's switch.",
    },
  );
}
