import type { Context } from "../context.ts";
import { reasonOf } from "../errors.ts";
import type { Observation } from "../hypervisor/hypervisor.ts";
import { type End, endAt } from "./move.ts";
import type { Location } from "./placement.ts";

/** A place where something of the VM was found. */
export interface Sighting {
  readonly end: End;
  readonly seen: Exclude<Observation, { kind: "absent" | "replica" }>;
}

/** What was found when every host of every known site was asked. */
export interface Whereabouts {
  /** The place that has the VM: recorded as active, with the newest epoch. */
  readonly home: Sighting | undefined;
  /** Older copies and unfinished arrivals. */
  readonly leftovers: readonly Sighting[];
  /** Places that have the VM's disks as they were when it left. */
  readonly replicas: readonly End[];
  /** The VM's place at every host that answered, whether or not anything was found there. */
  readonly ends: readonly End[];
  /** Sites that did not answer, with the reason. */
  readonly silent: readonly { readonly site: string; readonly reason: string }[];
}

/** Asks all hosts of all sites at once. Changes nothing; a host that does not answer is reported, never guessed. */
export async function whereabouts(
  context: Context,
  locations: readonly Location[],
  vmName: string,
): Promise<Whereabouts> {
  const sightings: Sighting[] = [];
  const ends: End[] = [];
  const replicas: End[] = [];
  const silent: { site: string; reason: string }[] = [];
  const asked = locations.flatMap((location) => location.hosts.map((record) => ({ location, record })));
  await Promise.all(
    asked.map(async ({ location, record }) => {
      try {
        const end = await endAt(context, location, record, vmName);
        const seen = await context.hypervisor(record.hypervisor).observe(end.place);
        ends.push(end);
        if (seen.kind === "replica") replicas.push(end);
        else if (seen.kind !== "absent") sightings.push({ end, seen });
      } catch (thrown) {
        silent.push({ site: location.name, reason: reasonOf(thrown) });
      }
    }),
  );
  const active = sightings.filter(({ seen }) => seen.kind === "active").sort((a, b) => b.seen.epoch - a.seen.epoch);
  const home = active[0];
  return { home, leftovers: sightings.filter((sighting) => sighting !== home), replicas, ends, silent };
}

/** Sites at which the VM runs at this moment; more than one is the worst that can happen. */
export function runningAt({ home, leftovers }: Whereabouts): readonly string[] {
  return [home, ...leftovers]
    .filter((sighting) => sighting?.seen.kind === "active" && sighting.seen.run === "running")
    .map((sighting) => sighting?.end.location.name ?? "");
}
