import type { SQLOutputValue } from "node:sqlite";
import { z } from "zod";
import { connectionState } from "../../../lightpath/drac/wire.ts";
import type { Booking } from "../calendar.ts";
import { isLive, type OtherVersion, type StoredSegment } from "../stored/segment.ts";
import { envelope } from "../versions.ts";

/** Whoever wrote it before grants were noted reserved under none. */
const scope = z.object({ from: z.string(), to: z.string(), vm: z.string(), grant: z.string().default("") });
const row = z.object({
  ...{ coordinator: z.string(), id: z.string(), state: connectionState, mbps: z.number(), mtu: z.number() },
  ...{ start: z.number(), end: z.number(), hold_expires: z.number(), scope: z.string() },
  ...{ in_port: z.string(), in_channel: z.number(), out_port: z.string(), out_channel: z.number() },
});
const versionRow = z.object({
  ...{ request: z.string(), version_grant: z.string(), version_mbps: z.number(), version_end: z.number() },
  ...{ version_phase: z.enum(["held", "committed"]), version_expires: z.number() },
});

/** A row of segments, joined with its other version if it has one. */
export function segmentOf(found: Record<string, SQLOutputValue>): StoredSegment {
  const { coordinator, id, state, mbps, mtu, start, end, hold_expires, ...rest } = row.parse(found);
  return {
    ...{ coordinator, id, state, bandwidthMbps: mbps, mtu, startMs: start, endMs: end, holdExpiresMs: hold_expires },
    ...scope.parse(JSON.parse(rest.scope)),
    other: otherVersion(found),
    ends: [
      { port: rest.in_port, channel: rest.in_channel },
      { port: rest.out_port, channel: rest.out_channel },
    ],
  };
}

/** The values of a row of segments, in the order of its columns. */
export function rowOf(segment: StoredSegment) {
  const { coordinator, id, state, bandwidthMbps, mtu, startMs, endMs, holdExpiresMs, ends } = segment;
  return [
    ...[coordinator, id, state, bandwidthMbps, mtu, startMs, endMs, holdExpiresMs, scopeOf(segment)],
    ...ends.flatMap(({ port, channel }) => [port, channel]),
  ];
}

/** What of a segment is kept as JSON. */
export function scopeOf({ from, to, vm, grant }: Pick<StoredSegment, "from" | "to" | "vm" | "grant">): string {
  return JSON.stringify({ from, to, vm, grant });
}

/** What a segment takes of a channel, whichever of its versions comes to be in force. */
export function taken(segment: StoredSegment, channel: number, nowMs: number): readonly Booking[] {
  const { startMs: fromMs, endMs: untilMs, bandwidthMbps: mbps, other } = segment;
  const present = { fromMs, untilMs, mbps };
  if (other === undefined || !isLive(other, nowMs)) return [{ ...present, channel }];
  const versions = envelope(present, { fromMs, untilMs: other.endMs, mbps: other.bandwidthMbps });
  return versions.map((part) => ({ ...part, channel }));
}

/** Undefined where a segment, joined with its other version, has none. */
function otherVersion(joined: Record<string, SQLOutputValue>): OtherVersion | undefined {
  if (joined.request === null || joined.request === undefined) return undefined;
  const { request, version_grant, version_mbps, version_end, version_phase, version_expires } =
    versionRow.parse(joined);
  return {
    ...{ request, grant: version_grant, bandwidthMbps: version_mbps, endMs: version_end },
    ...{ phase: version_phase, expiresMs: version_expires },
  };
}
