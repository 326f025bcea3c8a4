import { TurntableError } from "../../errors.ts";
import type { Connection, ConnectionState, ReserveRequest } from "../drac/wire.ts";
import type { NsiRecord } from "./record.ts";
import { parseStp } from "./wire/label.ts";
import type { ConnectionStates, PointToPoint, Reservation } from "./wire/reservation.ts";

/** A plain Ethernet path from end to end, as global exchanges have it. */
export const SERVICE_TYPE = "http://services.ogf.org/nsi/2013/12/descriptions/EVTS.A-GOLE";
const DEFAULT_MTU_BYTES = 9_000;

/** What nobody but us reads: the VM, and the largest packet, which NSI has no word for, and the start, which may be left out. */
export function descriptionFor({ vm, mtu, window }: Pick<ReserveRequest, "vm" | "mtu" | "window">): string {
  return `${vm}, mtu ${mtu}, from ${window.start}`;
}

/** The provider's name for a site's STP. */
export function theirStp({ stps }: NsiRecord, stp: string): string {
  return stps[stp] ?? stp;
}

/** A connection as the port tells of it. `wish`: what it was asked for with, if this process asked. */
export function connectionOf(record: NsiRecord, found: Reservation, wish?: ReserveRequest): Connection | undefined {
  const criteria = found.criteria?.toSorted((one, other) => other["@version"] - one["@version"])[0];
  const service = criteria?.["p2p:p2ps"];
  const { startTime, endTime } = criteria?.schedule ?? {};
  if (service === undefined || endTime === undefined) return undefined;
  const [, vm = "unknown", mtu, asked] = /^(.+), mtu (\d+)(?:, from (\S+Z))?$/.exec(found.description ?? "") ?? [];
  const from = wish?.from ?? ourStp(record, service.sourceSTP);
  const to = wish?.to ?? ourStp(record, service.destSTP);
  const start = wish?.window.start ?? asked ?? startTime ?? new Date(0).toISOString();
  return {
    ...{ connectionId: found.connectionId, state: stateOf(found.connectionStates), from, to },
    ...{ bandwidthMbps: service.capacity, mtu: wish?.mtu ?? Number(mtu ?? DEFAULT_MTU_BYTES), vm: wish?.vm ?? vm },
    window: { start: utc(start), end: utc(endTime) },
    segments: [segmentOf(record, from, to, service, wish !== undefined)],
    rttMs: record.rttMs,
  };
}

/** What the three machines come to. */
function stateOf({ reservationState, provisionState, lifecycleState }: ConnectionStates): ConnectionState {
  if (lifecycleState !== "Created") return "terminated";
  switch (reservationState) {
    case "ReserveChecking":
    case "ReserveHeld":
    case "ReserveCommitting":
      return "held";
    case "ReserveTimeout":
      return "timed-out";
    case "ReserveFailed":
    case "ReserveAborting":
      return "terminated";
    case "ReserveStart":
    case undefined:
      return provisionState === "Provisioned" ? "provisioned" : "reserved";
    default:
      return reservationState satisfies never;
  }
}

/**
 * The provider's network as one piece: which of an STP's VLANs was chosen is the channel, and so the host's device. Throws
 * lightpath.failed if what was asked for was not given.
 */
function segmentOf(record: NsiRecord, from: string, to: string, service: PointToPoint, asked: boolean) {
  const at = (stp: string, chosen: string) => {
    const channel = channelOf(theirStp(record, stp), chosen);
    if (channel === undefined && asked) throw notGiven(theirStp(record, stp), chosen);
    return { port: stp, channel: channel ?? 0 };
  };
  const domain = record.provider.split(":")[3] ?? record.provider;
  return { domain, in: at(from, service.sourceSTP), out: at(to, service.destSTP) };
}

/** The place of the chosen VLAN among those asked for; undefined if it is not among them, or is another port's. */
function channelOf(asked: string, chosen: string): number | undefined {
  const [wanted, got] = [parseStp(asked), parseStp(chosen)];
  if (wanted === undefined || wanted.stp !== got?.stp) return undefined;
  if (wanted.vlans === undefined || got.vlans === undefined) return 0;
  const { first, last } = got.vlans;
  const one = first === last && wanted.vlans.first <= first && first <= wanted.vlans.last;
  return one ? first - wanted.vlans.first : undefined;
}

function notGiven(asked: string, chosen: string): TurntableError {
  return new TurntableError("lightpath.failed", `the provider gave ${chosen} where ${asked} was asked for`, {
    retry: "never",
    next: "Correct the STPs in `stps`, with the VLANs of the site's lightpath devices in their order.",
  });
}

function ourStp({ stps }: NsiRecord, theirs: string): string {
  const plain = (stp: string): string => stp.split("?")[0] ?? stp;
  const known = Object.entries(stps).find(([, stp]) => plain(stp) === plain(theirs));
  return known?.[0] ?? plain(theirs);
}

function utc(time: string): string {
  return new Date(/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`).toISOString();
}
