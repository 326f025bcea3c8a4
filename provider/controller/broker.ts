import type { Context } from "../context.ts";
import { type End, endAt } from "./move.ts";
import type { Location } from "./placement.ts";

/** The host of a site with the most memory free; a site with one host is not asked. */
export async function chooseHost(context: Context, location: Location, vmName: string): Promise<End> {
  const ends = await Promise.all(location.hosts.map((record) => endAt(context, location, record, vmName)));
  const [only] = ends;
  if (only && ends.length === 1) return only;
  const offers = await Promise.all(
    ends.map(async (end) => {
      const { storage, accelerator, hypervisor } = end.record;
      const survey = await context.hypervisor(hypervisor).survey(end.host, storage, accelerator);
      return { end, freeMiB: survey.missing.length > 0 ? -1 : survey.memoryAvailableMiB };
    }),
  );
  const best = offers.sort((a, b) => b.freeMiB - a.freeMiB)[0];
  if (best) return best.end;
  throw new RangeError(`site ${location.name} has no hosts`);
}
