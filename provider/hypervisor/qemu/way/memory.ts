import { setTimeout as sleep } from "node:timers/promises";
import { TurntableError } from "../../../errors.ts";
import type { Place } from "../../hypervisor.ts";
import { files } from "../files.ts";
import { endProcess } from "../processes.ts";
import type { Remote } from "../stall.ts";
import { credentialFiles } from "./delivery.ts";

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 50;

/** Where an end's stunnel takes connections from, and where it takes them to. */
interface Ends {
  readonly role: "client" | "server";
  readonly accept: string;
  readonly connect: string;
}

const tcp = ({ address, port }: Remote) => `${address}:${port}`;

/**
 * Stands a stunnel beside each QEMU: inside QEMU, TLS adds round trips to the blackout. They meet when the source's
 * pilot begins the migration, each sure of the other's exact leaf. `remote`: where the destination's listens.
 */
export async function standStunnels(source: Place, destination: Place, remote: Remote): Promise<void> {
  const there = files(destination.directory).memoryWaySocket;
  await stand(destination, { role: "server", accept: tcp(remote), connect: there });
  await stand(source, { role: "client", accept: files(source.directory).memoryWaySocket, connect: tcp(remote) });
}

/** Ends the stunnel at a place, and what the way left there; what is not there is fine. */
export async function closeWay(place: Place): Promise<void> {
  const at = files(place.directory);
  await endProcess(place, at.memoryWayPid);
  await place.host.remove(at.way);
}

async function stand(place: Place, ends: Ends): Promise<void> {
  const at = files(place.directory);
  await place.host.writeFile(at.memoryWayConfig, configuration(place, ends));
  const pid = await place.host.launch(["stunnel", at.memoryWayConfig], { logFile: at.memoryWayLog });
  const deadline = Date.now() + START_TIMEOUT_MS;
  // It writes the file when it has read its credentials and listens.
  while ((await place.host.readFile(at.memoryWayPid)) === undefined) {
    const { code } = await place.host.run(["kill", "-0", String(pid)], { allowFailure: true });
    if (code !== 0 || Date.now() > deadline) throw notStanding(place);
    await sleep(POLL_MS);
  }
}

/** stunnel(8). A silent path is noticed by keepalive; one that takes nothing any more is the source's pilot's to notice. */
function configuration(place: Place, { role, accept, connect }: Ends): string {
  const { memoryWayPid } = files(place.directory);
  const { certificate, key, peers } = credentialFiles(place, role);
  const far = role === "client" ? "r" : "l";
  const lines = [
    ...["foreground = yes", "syslog = no", "debug = notice", `pid = ${memoryWayPid}`],
    ...["[memory]", `client = ${role === "client" ? "yes" : "no"}`, `accept = ${accept}`, `connect = ${connect}`],
    ...[`cert = ${certificate}`, `key = ${key}`, `CAfile = ${peers}`],
    ...["verifyChain = yes", "verifyPeer = yes", "requireCert = yes", "sslVersionMin = TLSv1.3"],
    ...["TCP_NODELAY=1", "SO_KEEPALIVE=1", "TCP_KEEPIDLE=1", "TCP_KEEPINTVL=1", "TCP_KEEPCNT=3"].map(
      (option) => `socket = ${far}:${option}`,
    ),
    // Whoever closes closes the whole way, at once.
    "TIMEOUTclose = 0",
  ];
  return `${lines.join("\n")}\n`;
}

function notStanding(place: Place): TurntableError {
  const { memoryWayLog } = files(place.directory);
  return new TurntableError("hypervisor.failed", `stunnel did not start at ${place.host.name}`, {
    ...{ retry: "safe", next: `Look at ${memoryWayLog} at that host.` },
  });
}
