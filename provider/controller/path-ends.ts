import { type Attachment, initialWindowSegments } from "../lightpath/attachment.ts";
import type { Connection } from "../lightpath/lightpath.ts";
import type { End } from "./move.ts";

/** What the hosts at a path's ends must know of it. */
type Carries = Pick<Connection, "mtu" | "rttMs" | "bandwidthMbps">;

/** Both hosts' ends of a path; `connection`: whose channels they are on, where it is one. */
export function endsOf(
  [from, to]: readonly [End, End],
  { mtu, rttMs, bandwidthMbps }: Carries,
  connection: Connection | undefined,
): readonly [Attachment, Attachment] {
  const shared = { mtu, bandwidthMbps, initialWindowSegments: initialWindowSegments(bandwidthMbps, rttMs, mtu) };
  const end = (mine: End, other: End): Attachment => ({
    ...shared,
    host: mine.host,
    device: deviceAt(mine, connection),
    address: mine.record.lightpath.address,
    peerAddress: other.record.lightpath.address,
  });
  return [end(from, to), end(to, from)];
}

/** The device of a host that is on a connection's channel; throws RangeError if it has none. */
export function deviceAt(end: Pick<End, "location" | "record">, connection: Connection | undefined): string {
  const channel = channelAt(end.location, connection);
  const device = end.record.lightpath.devices[channel];
  if (device) return device;
  throw new RangeError(`${end.location.name} has no lightpath device for channel ${channel}`);
}

/** A connection names its two outer channels in its own direction, which may be the opposite of a move's. */
export function channelAt({ stp }: End["location"], connection: Connection | undefined): number {
  const outer = connection?.from === stp ? connection.segments[0]?.in : connection?.segments.at(-1)?.out;
  return outer?.channel ?? 0;
}
