import type { Context } from "../context.ts";
import { detach } from "../lightpath/attachment.ts";
import { isStanding } from "../lightpath/drac/wire.ts";
import type { Connection } from "../lightpath/lightpath.ts";
import { channelAt } from "./path-ends.ts";
import type { Location, PathChoice } from "./placement.ts";
import { lesserMbps } from "./recast.ts";

/** Whether what was re-cast for a VM goes on under its new declaration. */
export function staysRecast(old: PathChoice, next: PathChoice): boolean {
  if (old.kind !== "reserved" || next.kind !== "reserved") return false;
  return old.connectionId === next.connectionId && lesserMbps(next) !== undefined;
}

/**
 * A VM uses a path no more that may have been re-cast: it is put out, if it is still there, and the hosts at its ends are taken
 * off it, but for devices that another path of this caller's is on by now. Rejects with host.* or domain.*.
 */
export async function endRecast(context: Context, path: PathChoice, locations: readonly Location[]): Promise<void> {
  if (path.kind !== "reserved" || lesserMbps(path) === undefined) return;
  const lightpath = context.lightpath(path.home);
  const connection = await lightpath.query(path.connectionId);
  if (connection === undefined) return;
  if (isStanding(connection.state)) await lightpath.release(path.connectionId);
  const others = (await lightpath.list()).filter(({ connectionId, state }) => {
    return connectionId !== path.connectionId && state === "provisioned";
  });
  for (const location of locations.filter(({ stp }) => endsAt(connection, stp))) {
    const channel = channelAt(location, connection);
    if (others.some((one) => endsAt(one, location.stp) && channelAt(location, one) === channel)) continue;
    for (const record of location.hosts) {
      const device = record.lightpath.devices[channel];
      if (device !== undefined) await detach({ host: await context.hosts.open(record), device });
    }
  }
}

function endsAt({ from, to }: Connection, stp: string): boolean {
  return from === stp || to === stp;
}
