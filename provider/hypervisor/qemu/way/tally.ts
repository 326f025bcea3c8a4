import type { Place } from "../../hypervisor.ts";
import { files } from "../files.ts";

/** What an NBD request is sent with (NBD protocol, "Request message"). */
const REQUEST_HEADER_BYTES = 28;

const UNITS: Readonly<Record<string, number>> = { bytes: 1, KiB: 2 ** 10, MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

/** The filter, first of all, and its parameters, with which a near end counts what it is given to send (nbdkit-stats-filter(1)). */
export const tallyFilter = "--filter=stats";
export const tallyParameters = (source: Place, disk: string): readonly string[] => [
  `statsfile=${files(source.directory).nearEndTally(disk)}`,
  "statsthreshold=0",
];

/**
 * The bytes that the near end of a disk's way sent, once it has ended in order; undefined if it did not, or had not
 * begun to count. Of blocks that are empty, or were discarded, only the requests that say so are sent. To three digits.
 */
export async function sentBytes(source: Place, disk: string): Promise<number | undefined> {
  const text = await source.host.readFile(files(source.directory).nearEndTally(disk));
  return text === undefined ? undefined : countedBytes(text);
}

/** As sentBytes, of the text of a statsfile; undefined for one that was not written to its end. */
export function countedBytes(text: string): number | undefined {
  const line = /^(total|write|trim|zero): (\d+) ops, [\d.]+ s, ([\d.]+) (\w+)/gm;
  const counts = new Map([...text.matchAll(line)].map(([, kind, ops, size, unit]) => [kind, { ops, size, unit }]));
  if (!counts.has("total")) return undefined;
  const requests = ["write", "trim", "zero"].reduce((sum, kind) => sum + Number(counts.get(kind)?.ops ?? 0), 0);
  const written = counts.get("write");
  const payload = Number(written?.size ?? 0) * (UNITS[written?.unit ?? "bytes"] ?? Number.NaN);
  return Math.round(payload + requests * REQUEST_HEADER_BYTES);
}
