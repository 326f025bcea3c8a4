import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../../errors.ts";
import type { Place } from "../../hypervisor.ts";
import { files } from "../files.ts";
import { endProcess } from "../processes.ts";
import { sentBytes, tallyFilter, tallyParameters } from "../tally.ts";
import type { Remote } from "./remote.ts";

const TIMEOUT_MS = 10_000;

/** Where the destination's disks are offered, and the arguments with which nbdkit's nbd plugin is to speak to whoever is there. */
export interface DiskRemote extends Remote {
  readonly nearEnd: readonly string[];
}

/**
 * Starts nbdkit beside the source as the near end of a disk's way: the far handshake is over before QEMU asks
 * (else the guest stands still for five round trips), and no FLUSH crosses the path (else four fall into the blackout).
 */
export async function standNearEnd(source: Place, disk: string, remote: DiskRemote): Promise<void> {
  const at = files(source.directory);
  const way = [`hostname=${remote.address}`, `port=${remote.port}`, `export=${disk}`, "shared=true", ...remote.nearEnd];
  const process = ["-f", "-U", at.nearEnd(disk), "-P", at.nearEndPid(disk), "--threads", "64"];
  const filters = [tallyFilter, "--filter=fua"];
  const parameters = [...way, "fuamode=discard", ...tallyParameters(source, disk)];
  await dismissNearEnd(source, disk, "KILL");
  const pid = await source.host.launch(["nbdkit", ...process, ...filters, "nbd", ...parameters], {
    logFile: at.nearEndLog,
  });
  const deadline = Date.now() + TIMEOUT_MS;
  for (let alive = true; alive && Date.now() < deadline; await sleep(50)) {
    if (await greets(source, at.nearEnd(disk), deadline - Date.now())) return;
    alive = (await source.host.run(["kill", "-0", String(pid)], { allowFailure: true })).code === 0;
  }
  throw new TurntableError("hypervisor.failed", `nbdkit for disk ${disk} did not reach ${remote.address}`, {
    retry: "safe",
    next: `Look at ${at.nearEndLog} at ${source.host.name}; is the lightpath up?`,
  });
}

/** It listens long before its far handshake is over, and greets only then: who greets will not keep QEMU waiting. */
async function greets(source: Place, socketPath: string, timeoutMs: number): Promise<boolean> {
  const socket = await source.host.connect(socketPath).catch(() => undefined);
  if (!socket) return false;
  // It is destroyed in the middle of its life, and says so.
  socket.on("error", () => undefined);
  try {
    await once(socket, "readable", { signal: AbortSignal.timeout(timeoutMs) });
    return socket.read() !== null;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/**
 * Ends a disk's nbdkit and takes its socket away; what is not there is fine. Resolves with the bytes that it sent, if it
 * tells.
 */
export async function dismissNearEnd(
  source: Place,
  disk: string,
  signal: "TERM" | "KILL",
): Promise<number | undefined> {
  const at = files(source.directory);
  await endProcess(source, at.nearEndPid(disk), signal);
  const bytes = await sentBytes(source, disk);
  for (const path of [at.nearEnd(disk), at.nearEndTally(disk)]) await source.host.remove(path);
  return bytes;
}
