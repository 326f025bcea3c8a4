import type { Context } from "../context.ts";
import type { HypervisorHostRecord } from "../host/record.ts";
import type { Survey } from "../hypervisor/hypervisor.ts";
import { type End, endAt } from "./move.ts";
import type { Location } from "./placement.ts";

/**
 * The host of a site that suits best: nothing missing, then the fewest virtual CPUs for its hardware threads (the
 * paper prefers what is under-subscribed), then the most memory free. A site with one host is not asked. One that
 * does not answer is no choice; if none answers, rejects as the first of them did.
 */
export async function chooseHost(context: Context, location: Location, vmName: string): Promise<End> {
  const [only, ...others] = location.hosts;
  if (only && others.length === 0) return await endAt(context, location, only, vmName);
  const asked = await Promise.allSettled(location.hosts.map((record) => offerOf(context, location, record, vmName)));
  const offers = asked.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  const best = offers.sort((a, b) => preference(a.survey, b.survey))[0];
  if (best) return best.end;
  throw asked.find((one) => one.status === "rejected")?.reason ?? new RangeError(`site ${location.name} has no hosts`);
}

async function offerOf(context: Context, location: Location, record: HypervisorHostRecord, vmName: string) {
  const end = await endAt(context, location, record, vmName);
  const survey = await context.hypervisor(record.hypervisor).survey(end.host, record.storage, record.accelerator);
  return { end, survey };
}

/** Negative if `a` suits better. One that lacks something comes last: better told what it lacks than nothing at all. */
function preference(a: Survey, b: Survey): number {
  const lacking = Number(a.missing.length > 0) - Number(b.missing.length > 0);
  return lacking || subscription(a) - subscription(b) || b.memoryAvailableMiB - a.memoryAvailableMiB;
}

/** Virtual CPUs for each hardware thread; below one nobody waits for a processor. */
const subscription = ({ vcpusSubscribed, threads }: Survey) => Math.max(1, vcpusSubscribed / threads);

/** What keeps a VM that runs on a host like `here` from going on at one like `there`; one sentence each. */
export function incompatibilities(machine: string, here: End & Surveyed, there: End & Surveyed): string[] {
  const [ours, theirs] = [here.record.accelerator, there.record.accelerator];
  const flags = new Set(there.survey.cpuFlags);
  const lacking = ours === "kvm" ? here.survey.cpuFlags.filter((flag) => !flags.has(flag)) : [];
  return [
    ...(there.survey.machines.includes(machine) ? [] : [`its QEMU ${there.survey.version} has no machine ${machine}`]),
    ...(ours === theirs ? [] : [`it runs VMs by ${theirs} and the VM runs by ${ours}`]),
    ...(lacking.length > 0 ? [`its processors lack ${lacking.join(", ")}`] : []),
  ];
}

interface Surveyed {
  readonly survey: Survey;
}
