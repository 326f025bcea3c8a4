import type { Context } from "../context.ts";
import type { HypervisorHostRecord } from "../host/record.ts";
import { type End, endAt } from "./move.ts";
import type { Location } from "./placement.ts";

/**
 * The host of a site with the most memory free; a site with one host is not asked. One that does not answer is no
 * choice; if none answers, rejects as the first of them did.
 */
export async function chooseHost(context: Context, location: Location, vmName: string): Promise<End> {
  const [only, ...others] = location.hosts;
  if (only && others.length === 0) return await endAt(context, location, only, vmName);
  const asked = await Promise.allSettled(location.hosts.map((record) => offerOf(context, location, record, vmName)));
  const offers = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const best = offers.sort((a, b) => b.freeMiB - a.freeMiB)[0];
  if (best) return best.end;
  throw asked.find((one) => one.status === "rejected")?.reason ?? new RangeError(`site ${location.name} has no hosts`);
}

/** A host that lacks something comes last: better told what it lacks than nothing at all. */
async function offerOf(context: Context, location: Location, record: HypervisorHostRecord, vmName: string) {
  const end = await endAt(context, location, record, vmName);
  const survey = await context.hypervisor(record.hypervisor).survey(end.host, record.storage, record.accelerator);
  return { end, freeMiB: survey.missing.length > 0 ? -1 : survey.memoryAvailableMiB };
}
