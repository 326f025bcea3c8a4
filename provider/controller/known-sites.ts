import type { Context } from "../context.ts";
import { readJournal } from "./journal.ts";
import { endAt, shelfOf } from "./move.ts";
import type { Location } from "./placement.ts";

/**
 * These sites, and those which the journal of a move that broke off names: a controller that was killed had no time to
 * record where it had sent the VM. Changes nothing; what does not answer or cannot be read is left to who looks closer.
 */
export async function knownSites(
  context: Context,
  locations: readonly Location[],
  vmName: string,
): Promise<readonly Location[]> {
  const hosts = locations.flatMap((location) => location.hosts.map((record) => ({ location, record })));
  const journals = await Promise.all(
    hosts.map(({ location, record }) =>
      endAt(context, location, record, vmName)
        .then((end) => readJournal(shelfOf(end)))
        .catch(() => undefined),
    ),
  );
  const known = new Map(locations.map((location) => [location.name, location]));
  for (const location of journals.flatMap((journal) => journal?.locations ?? [])) {
    if (!known.has(location.name)) known.set(location.name, location);
  }
  return [...known.values()];
}
