import type { Place, SendRequest } from "../../hypervisor.ts";
import { files } from "../files.ts";
import { listenForMemory, memoryPort } from "../memory.ts";
import type { Qmp } from "../qmp.ts";
import type { Remote } from "../stall.ts";
import { deliver, takeBack } from "./delivery.ts";
import { guardDisks, guardedNearEnd } from "./disk.ts";
import { freePort } from "./free-port.ts";
import { closeWay, standStunnels } from "./memory.ts";

/** Where the source's pilot begins the migration: at the far QEMU itself, or at the stunnel beside its own. */
export interface MemoryRemote extends Remote {
  readonly stunnel?: { readonly socket: string; readonly pidFile: string };
}

/** How disks and memory of one move get from host to host. */
export interface Way {
  readonly memory: MemoryRemote;
  /** Arguments of nbd-server-start at the destination. */
  readonly offer: Readonly<Record<string, string>>;
  /** Arguments of nbdkit's nbd plugin at the source. */
  readonly nearEnd: readonly string[];
  /** Pid files of what stands beside the source's QEMU for its memory. */
  readonly helpers: readonly string[];
  /** To be called when all connections of the disks are made, or will not be: credentials are on no disk afterwards. */
  seal(): Promise<void>;
}

type Ends = Pick<SendRequest, "source" | "destination" | "encryption">;

/**
 * Readies the way of a move's memory, and what guards that of its disks. Under TLS 1.3 either end believes nobody but
 * the other's leaf, minted for this move alone and delivered over the pinned connections to the hosts.
 */
export async function openWay({ source, destination, encryption }: Ends, there: Qmp): Promise<Way> {
  if (encryption === "tls") return await openGuarded(source, destination, there);
  await listenForMemory(there, `tcp:${destination.lightpathAddress}:0`);
  const memory = { address: destination.lightpathAddress, port: await memoryPort(there) };
  return { memory, offer: {}, nearEnd: [], helpers: [], seal: async () => undefined };
}

async function openGuarded(source: Place, destination: Place, there: Qmp): Promise<Way> {
  await Promise.all([closeWay(source), closeWay(destination)]);
  // Loaded when needed: it takes longer to load than a preview's whole check.
  const { mintCredentials } = await import("./credentials.ts");
  const credentials = await mintCredentials(destination.lightpathAddress);
  const seal = () => takeBack(source, destination);
  try {
    await deliver(source, destination, credentials);
    const offer = await guardDisks(destination, there, credentials.source.name);
    const remote = { address: destination.lightpathAddress, port: await freePort(destination) };
    await listenForMemory(there, `unix:${files(destination.directory).memoryWaySocket}`);
    await standStunnels(source, destination, remote);
    const { memoryWaySocket, memoryWayPid } = files(source.directory);
    const memory = { ...remote, stunnel: { socket: memoryWaySocket, pidFile: memoryWayPid } };
    return { memory, offer, nearEnd: guardedNearEnd(source), helpers: [memoryWayPid], seal };
  } catch (thrown) {
    // What cannot be removed now goes with what else is left there of the move.
    await seal().catch(() => undefined);
    throw thrown;
  }
}
