import type { SendRequest } from "../../hypervisor.ts";

/** A mirror has at most so many requests under way (QEMU's block/mirror.c), each of a sixteenth of its buffer. */
const MIRROR_REQUESTS = 16;
const MIB = 1 << 20;
/** QEMU's own; and as much as a host should be asked for beside the guest's memory, for one disk and for all of a VM's. */
const BUFFER_MIB = { least: 16, most: 128, all: 512 };
/** Requests under way hold more than one product, those that wait in QEMU for their turn more than the rest. */
const PRODUCTS_IN_BUFFER = 6;
const BULK_REQUESTS = 10;
/** As many as there could ever be: pieces so small are bound by round trips, not by bytes. */
const DELTA_REQUESTS = 64;

/** How much of one disk's copy is under way at once. */
export interface InFlight {
  /** Of QEMU's mirror. */
  readonly bufferBytes: number;
  /** How many requests nbdkit takes from QEMU and has on the path. */
  readonly requests: number;
}

/**
 * What fills a path with each of so many disks, since the largest one is soon alone on it. nbdkit must leave some of the mirror's requests waiting in QEMU: QEMU's
 * NBD client hands a finished request back only behind all others that await replies, so that with all sixteen on the
 * path none is renewed before the last is answered, and the path is idle for a round trip after each buffer.
 */
export function inFlight(
  { bandwidthMbps, rttMs }: Pick<SendRequest, "bandwidthMbps" | "rttMs">,
  onto: SendRequest["arrival"]["onto"],
  disks: number,
): InFlight {
  const productBytes = (bandwidthMbps * 1e3 * rttMs) / 8;
  const wantedMiB = (PRODUCTS_IN_BUFFER * productBytes) / MIB;
  const mostMiB = Math.min(BUFFER_MIB.most, BUFFER_MIB.all / disks);
  const requestMiB = Math.ceil(Math.min(wantedMiB, mostMiB) / MIRROR_REQUESTS);
  const bufferMiB = Math.max(BUFFER_MIB.least, requestMiB * MIRROR_REQUESTS);
  return { bufferBytes: bufferMiB * MIB, requests: onto === "replica" ? DELTA_REQUESTS : BULK_REQUESTS };
}
