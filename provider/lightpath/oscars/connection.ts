import type { Connection, ConnectionState, ReserveRequest, Segment } from "../drac/wire.ts";
import type { OscarsRecord } from "./record.ts";
import type { Info } from "./wire.ts";

/** By what connections of this program's are told from all others, which OSCARS lists too. */
export const OURS = "turntable ";

type Wish = Pick<ReserveRequest, "vm" | "mtu" | "window" | "from" | "to">;

/** What OSCARS has no word for, or changes: a start that is near becomes another, half a minute ahead. */
export function descriptionFor({ vm, mtu, window, from, to }: Wish): string {
  return `${OURS}${vm}, mtu ${mtu}, ${window.start} to ${window.end}, ${from} > ${to}`;
}

const DESCRIPTION = new RegExp(`^${OURS}(.+), mtu (\\d+), (\\S+Z) to (\\S+Z), (\\S+) > (\\S+)$`);

/** Seconds since 1970, rounded up: what OSCARS counts in. */
export function seconds(time: string): number {
  return Math.ceil(Date.parse(time) / 1_000);
}

/** What is there of a connection, in its phase. */
function partOf({ phase, held, reserved, archived }: Info) {
  switch (phase) {
    case "HELD":
      return held ?? undefined;
    case "RESERVED":
      return reserved ?? undefined;
    case "ARCHIVED":
      return archived ?? undefined;
    case "DESIGN":
      return undefined;
    default:
      return phase satisfies never;
  }
}

/** Seconds since 1970 from which on, and until when, it can carry anything. */
export function scheduleOf(info: Info): { readonly beginning: number; readonly ending: number } | undefined {
  const part = partOf(info);
  if (part === undefined) return undefined;
  const all = [...part.cmp.junctions, ...part.cmp.fixtures, part].map(({ schedule }) => schedule);
  return all.find((one) => typeof one !== "string");
}

/** A connection as the port tells of it; undefined if it is none of this program's, or a mere design. */
export function connectionOf(record: OscarsRecord, info: Info): Connection | undefined {
  const [, vm, mtu, start, end, from, to] = DESCRIPTION.exec(info.description) ?? [];
  const [part, schedule] = [partOf(info), scheduleOf(info)];
  if (vm === undefined || start === undefined || end === undefined || from === undefined || to === undefined) return;
  if (part === undefined || schedule === undefined) return undefined;
  const { connectionId } = info;
  return {
    ...{ connectionId, state: stateOf(info), from, to, vm, mtu: Number(mtu), rttMs: record.rttMs },
    bandwidthMbps: Math.min(...part.cmp.fixtures.map(({ ingressBandwidth }) => ingressBandwidth)),
    // To the millisecond as it was asked for, unless it was changed since.
    window: { start, end: schedule.ending === seconds(end) ? end : new Date(schedule.ending * 1_000).toISOString() },
    segments: [segmentOf(record, part.cmp.fixtures, from, to)],
  };
}

function stateOf({ phase, state }: Info): ConnectionState {
  if (phase === "HELD") return "held";
  if (phase !== "RESERVED" || state === "FINISHED") return "terminated";
  return state === "ACTIVE" ? "provisioned" : "reserved";
}

type Fixtures = readonly { readonly portUrn: string; readonly vlan: { readonly vlanId: number } }[];

/** Its network as one piece: the place of a VLAN among the declared ones is the channel, and so the host's device. */
function segmentOf(record: OscarsRecord, fixtures: Fixtures, from: string, to: string): Segment {
  const at = (stp: string) => {
    const { port, vlans = [] } = record.ports[stp] ?? {};
    const vlan = fixtures.find(({ portUrn }) => portUrn === port)?.vlan.vlanId;
    return { port: stp, channel: Math.max(0, vlans.indexOf(vlan ?? 0)) };
  };
  return { domain: domainOf(record), in: at(from), out: at(to) };
}

/** By what a controller is called where people read it. */
export function domainOf({ url }: OscarsRecord): string {
  return new URL(url).hostname;
}
