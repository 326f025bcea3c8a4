import { setTimeout as sleep } from "node:timers/promises";
import { watchBytes } from "../../../../examples/lab/probe/bytes.ts";
import { monotonicMs } from "../../../../examples/lab/probe/report.ts";
import type { Place } from "../../../../provider/hypervisor/hypervisor.ts";
import { files } from "../../../../provider/hypervisor/qemu/files.ts";
import { endProcess } from "../../../../provider/hypervisor/qemu/processes.ts";
import { mintCredentials, type WayCredentials } from "../../../../provider/hypervisor/qemu/way/credentials.ts";
import { credentialFiles, deliver } from "../../../../provider/hypervisor/qemu/way/delivery.ts";
import { guardedNearEnd, TLS_1_3 } from "../../../../provider/hypervisor/qemu/way/disk.ts";
import { freePort } from "../../../../provider/hypervisor/qemu/way/free-port.ts";
import { closeWay, standStunnels } from "../../../../provider/hypervisor/qemu/way/memory.ts";
import { dismissNearEnd, standNearEnd } from "../../../../provider/hypervisor/qemu/way/near-end.ts";
import type { LitPath, PathEnd } from "../path.ts";
import { busyBefore, steadyRateMBps } from "../rate.ts";
import type { CopySample } from "../samples.ts";
import type { Encryption } from "../variants.ts";
import { measureStream } from "./stream.ts";

const DISK = "stream";
/** As a mirror writes: so many requests at once, of so much. At a gigabit they take ten seconds. */
const WRITES = { count: 300, atOnce: 16, size: "4M" };
const WRITES_TIMEOUT_MS = 120_000;
const START_TIMEOUT_MS = 10_000;

/**
 * What one stream carries through the very programs that a move's copy goes through, with nothing at their ends that
 * could be slow: the disk's way from a writer at its near end to a disk that keeps nothing, the memory's from socket
 * to socket. In 10^6 bytes a second; `directory`: a folder that each host may have for it.
 */
export async function measureProxied(
  path: LitPath,
  namespace: string,
  directory: string,
  encryption: Encryption,
): Promise<Pick<CopySample, "diskWayMBps" | "memoryWayMBps">> {
  const [source, destination] = [placeAt("ams", path.ams, directory), placeAt("san", path.san, directory)];
  const credentials = encryption === "tls" ? await mintCredentials(path.san.address) : undefined;
  try {
    for (const { host, directory: own } of [source, destination]) await host.run(["mkdir", "-p", own]);
    if (credentials) await deliver(source, destination, credentials);
    const diskWayMBps = await measureDiskWay(source, destination, namespace, credentials);
    // In the clear nothing stands between the two ends of the memory's way.
    if (!credentials) return { diskWayMBps, memoryWayMBps: await measureStream(path, namespace) };
    const remote = { address: path.san.address, port: await freePort(destination) };
    await standStunnels(source, destination, remote);
    const sockets = { ams: files(source.directory).memoryWaySocket, san: files(destination.directory).memoryWaySocket };
    return { diskWayMBps, memoryWayMBps: await measureStream(path, namespace, sockets) };
  } finally {
    await dismissNearEnd(source, DISK, "KILL");
    await endProcess(destination, farPidFile(destination), "KILL");
    for (const place of [source, destination]) {
      await closeWay(place);
      await place.host.remove(place.directory);
    }
  }
}

async function measureDiskWay(
  source: Place,
  destination: Place,
  namespace: string,
  credentials: WayCredentials | undefined,
): Promise<number> {
  const port = await standFarEnd(destination, credentials);
  const nearEnd = credentials ? guardedNearEnd(source) : [];
  await standNearEnd(source, DISK, { address: destination.lightpathAddress, port, nearEnd });
  const meter = await watchBytes(namespace, "lp");
  try {
    const { count, atOnce, size } = WRITES;
    const writes = ["-w", "-f", "raw", "-c", String(count), "-d", String(atOnce), "-s", size];
    const uri = `nbd+unix:///${DISK}?socket=${files(source.directory).nearEnd(DISK)}`;
    await source.host.run(["qemu-img", "bench", ...writes, uri], { timeoutMs: WRITES_TIMEOUT_MS });
    const { notes } = await meter.report();
    const { fromMs, toMs } = busyBefore(notes, monotonicMs());
    return steadyRateMBps(notes, fromMs, toMs);
  } finally {
    await meter.stop();
  }
}

/** QEMU's NBD server, as at a move's destination, over a disk that forgets; resolves with its port. */
async function standFarEnd(destination: Place, credentials: WayCredentials | undefined): Promise<number> {
  const port = await freePort(destination);
  const { directory } = credentialFiles(destination, "server");
  const guard = credentials
    ? [
        ...["--object", `tls-creds-x509,id=tls,dir=${directory},endpoint=server,verify-peer=on,priority=${TLS_1_3}`],
        ...["--object", `authz-simple,id=peer,identity=${credentials.source.name}`],
        ...["--tls-creds", "tls", "--tls-authz", "peer"],
      ]
    : [];
  const listen = ["-b", destination.lightpathAddress, "-p", String(port), "--pid-file", farPidFile(destination)];
  const forgetful = ["--image-opts", "driver=null-co,size=16G,read-zeroes=on"];
  const argv = ["qemu-nbd", ...guard, ...listen, "-t", "-x", DISK, ...forgetful];
  await destination.host.launch(argv, { logFile: `${destination.directory}/far-end.log` });
  const deadline = Date.now() + START_TIMEOUT_MS;
  while ((await destination.host.readFile(farPidFile(destination))) === undefined) {
    if (Date.now() > deadline) throw new Error(`qemu-nbd does not listen at ${destination.host.name}`);
    await sleep(50);
  }
  return port;
}

const farPidFile = ({ directory }: Place): string => `${directory}/far-end.pid`;

/** Where a host that takes part in this keeps what stands there for it. */
function placeAt(site: "ams" | "san", { host, address }: PathEnd, directory: string): Place {
  const addresses = { lightpathAddress: address, routedAddress: address };
  return { site, host, directory: `${directory}/${site}`, accelerator: "tcg", ...addresses };
}
