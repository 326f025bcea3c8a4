import { setTimeout as sleep } from "node:timers/promises";
import { z } from "zod";
import { TurntableError } from "../../errors.ts";
import type { Arrival, Place, Progress, SendRequest } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { diskNode, layerNode } from "./command-line.ts";
import { files, type Layer } from "./files.ts";
import { layersAt } from "./layers.ts";
import type { Qmp } from "./qmp.ts";
import { freePort } from "./way/free-port.ts";
import { inFlight } from "./way/in-flight.ts";
import { type DiskRemote, dismissNearEnd, standNearEnd } from "./way/near-end.ts";
import type { Way } from "./way/way.ts";

/** With this much left to copy a mirror is told to let no guest write run ahead of it. */
const CLOSE_BEHIND_BYTES = 16 << 20;
const POLL_MS = 200;
const CANCEL_TIMEOUT_MS = 10_000;
/** What an overlay keeps apart: with less a block that was written once would bring its neighbours along. */
const DELTA_GRAIN_BYTES = 4096;

const jobs = z.array(
  z.looseObject({
    device: z.string(),
    len: z.number(),
    offset: z.number(),
    ready: z.boolean(),
    "actively-synced": z.boolean().optional(),
    error: z.string().optional(),
  }),
);

export const jobOf = (disk: string): string => `mirror-${disk}`;
export const targetOf = (disk: string): string => `target-${disk}`;

/** Where at the destination a move writes what it brings. */
export const receivingLayer = ({ onto }: Arrival): Layer => (onto === "replica" ? "delta" : "base");

/** Those layers' files at the destination, one for each disk. */
export const receivedFiles = ({ directory }: Place, vm: VmSpec, arrival: Arrival): readonly string[] =>
  vm.disks.map(({ name }) => files(directory).disk(name, receivingLayer(arrival)));

/** The destination offers its disks; resolves with where. Address: the host's end of the lightpath, so only the path reaches it. */
export async function offerDisks(
  destination: Place,
  qmp: Qmp,
  vm: VmSpec,
  { offer, nearEnd }: Pick<Way, "offer" | "nearEnd">,
  arrival: Arrival,
): Promise<DiskRemote> {
  const port = await freePort(destination);
  const address = { type: "inet", data: { host: destination.lightpathAddress, port: String(port) } };
  await qmp.execute("nbd-server-start", { addr: address, "max-connections": 0, ...offer });
  for (const { name } of vm.disks) {
    const node = { "node-name": layerNode(name, receivingLayer(arrival)), name, writable: true };
    await qmp.execute("block-export-add", { type: "nbd", id: `export-${name}`, ...node });
  }
  return { address: destination.lightpathAddress, port, nearEnd };
}

/**
 * Begins to copy each disk's allocated blocks (onto a replica only those written since it was one) and, from now on,
 * every write.
 */
export async function beginMirrors(
  source: Place,
  qmp: Qmp,
  vm: VmSpec,
  remote: DiskRemote,
  { arrival: { onto }, ...path }: Pick<SendRequest, "arrival" | "bandwidthMbps" | "rttMs">,
): Promise<void> {
  const oneLayer = (await layersAt(source, vm)).length === 1;
  const extent = onto === "replica" || oneLayer ? { sync: "top" } : { sync: "full" };
  const grain = onto === "replica" ? { granularity: DELTA_GRAIN_BYTES } : {};
  const { bufferBytes, requests } = inFlight(path, onto, vm.disks.length);
  for (const { name } of vm.disks) {
    await standNearEnd(source, name, remote, requests);
    const server = { type: "unix", path: files(source.directory).nearEnd(name) };
    await qmp.execute("blockdev-add", {
      ...{ driver: "nbd", "node-name": targetOf(name), export: name, server, discard: "unmap" },
    });
    await qmp.execute("blockdev-mirror", {
      ...{ "job-id": jobOf(name), device: diskNode(name), target: targetOf(name), ...extent, ...grain },
      ...{ "copy-mode": "background", "buf-size": bufferBytes },
    });
  }
}

/**
 * Resolves with the bytes gone through, empty ones too, when every mirror is in step with its disk and stays so. Copies in the
 * background first, so that guest writes do not wait for the path until there is little left.
 * Rejects with hypervisor.failed if a copy breaks off, as it does when the source's pilot hears nothing over the path.
 */
export async function awaitMirrors(qmp: Qmp, vm: VmSpec, onProgress: (progress: Progress) => void): Promise<number> {
  const closing = new Set<string>();
  const startedAt = performance.now();
  for (;;) {
    const running = await mirrors(qmp);
    if (running.length < vm.disks.length) throw mirrorEnded(vm);
    for (const job of running) {
      if (closing.has(job.device) || job.len - job.offset > CLOSE_BEHIND_BYTES) continue;
      await qmp.execute("block-job-change", { type: "mirror", id: job.device, "copy-mode": "write-blocking" });
      closing.add(job.device);
    }
    const doneBytes = running.reduce((sum, job) => sum + job.offset, 0);
    const totalBytes = running.reduce((sum, job) => sum + job.len, 0);
    const bytesPerSecond = (doneBytes * 1000) / (performance.now() - startedAt);
    onProgress({ what: "disk", doneBytes, totalBytes, bytesPerSecond });
    if (running.every((job) => job.ready && job["actively-synced"] !== false)) return doneBytes;
    await sleep(POLL_MS);
  }
}

/**
 * Undo of beginMirrors: the source's disks stand alone again. The near ends go first: over a path that is dead a
 * mirror ends, and a guest's write with it, only when its target does.
 */
export async function abandonMirrors(source: Place, qmp: Qmp, vm: VmSpec): Promise<void> {
  await dismissNearEnds(source, vm, "KILL");
  const deadline = Date.now() + CANCEL_TIMEOUT_MS;
  for (let running = await mirrors(qmp); running.length > 0; running = await mirrors(qmp)) {
    if (Date.now() > deadline) throw mirrorStays(vm);
    // A job that ended by itself in the meantime cannot be cancelled, and need not be.
    for (const { device } of running) {
      await qmp.execute("block-job-cancel", { device, force: true }).catch(() => undefined);
    }
    await sleep(50);
  }
  for (const { name } of vm.disks) {
    await qmp.execute("blockdev-del", { "node-name": targetOf(name) }).catch(() => undefined);
  }
}

async function mirrors(qmp: Qmp) {
  return (await qmp.query("query-block-jobs", jobs)).filter(({ device }) => device.startsWith("mirror-"));
}

/** Ends the nbdkit processes; what is not there is fine. Resolves with the bytes they sent; undefined if one does not tell. */
export async function dismissNearEnds(
  source: Place,
  vm: VmSpec,
  signal: "TERM" | "KILL" = "TERM",
): Promise<number | undefined> {
  let sent: number | undefined = 0;
  for (const { name } of vm.disks) {
    const bytes = await dismissNearEnd(source, name, signal);
    sent = sent === undefined || bytes === undefined ? undefined : sent + bytes;
  }
  return sent;
}

function mirrorEnded(vm: VmSpec): TurntableError {
  return new TurntableError("hypervisor.failed", `the disk copy of ${vm.name} broke off`, {
    retry: "safe",
    next: "Look whether the destination's QEMU and the lightpath are up; the VM goes on at the source.",
  });
}

function mirrorStays(vm: VmSpec): TurntableError {
  const what = `the disk copy of ${vm.name} could not be cancelled within ${CANCEL_TIMEOUT_MS / 1000} s`;
  return new TurntableError("hypervisor.failed", what, {
    retry: "unsafe",
    next: "Run `pulumi up` again: it looks at both sites first and tries again.",
  });
}
