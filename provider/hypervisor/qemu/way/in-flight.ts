import type { SendRequest } from "../../hypervisor.ts";

/** A mirror has at most so many requests under way (QEMU's block/mirror.c), each of a sixteenth of its buffer. */
const MIRROR_REQUESTS = 16;
const MIB = 1 << 20;
/** QEMU's own, and as much as a host should be asked for beside the guest's memory. */
const BUFFER_MIB = { least: 16, most: 128 };
/** Requests under way hold more than one product, those that wait in QEMU for their turn more than the rest. */
const PRODUCTS_IN_BUFFER = 6;
const BULK_REQUESTS = 12;
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
 * What fills a path with one of so many disks. nbdkit must leave some of the mirror's requests waiting in QEMU: QEMU's
 * NBD client hands a finished request back only behind all others that await replies, so that with all sixteen on the
 * path none is renewed before the last is answered, and the path is idle for a round trip after each buffer.
 */
export function inFlight(
  { bandwidthMbps, rttMs }: Pick<SendRequest, "bandwidthMbps" | "rttMs">,
  onto: SendRequest["arrival"]["onto"],
  disks: number,
): InFlight {
  const productBytes = (bandwidthMbps * 1e3 * rttMs) / 8;
  const eachMiB = Math.ceil((PRODUCTS_IN_BUFFER * productBytes) / disks / MIB / MIRROR_REQUESTS) * MIRROR_REQUESTS;
  const bufferMiB = Math.min(BUFFER_MIB.most, Math.max(BUFFER_MIB.least, eachMiB));
  return { bufferBytes: bufferMiB * MIB, requests: onto === "replica" ? DELTA_REQUESTS : BULK_REQUESTS };
}
