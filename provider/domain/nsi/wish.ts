import type { Connection } from "../../lightpath/drac/wire.ts";
import { parseStp, withVlan } from "../../lightpath/nsi/wire/label.ts";
import { NsiRefusal } from "../../lightpath/nsi/wire/listener.ts";
import type { Content } from "../../lightpath/nsi/wire/messages.ts";
import type { PointToPoint } from "../../lightpath/nsi/wire/reservation.ts";
import type { Agreement } from "./store.ts";

type Labels = Readonly<Record<string, number>>;

/** What a reservation asks for, or NsiRefusal (thrown) that says what of it this provider does not do. */
export function agreementFor({ connectionId, criteria, ...named }: Content<"types:reserve">): Agreement {
  if (connectionId !== undefined && connectionId !== "") {
    throw new NsiRefusal("not-implemented", "a reservation is not modified here", connectionId);
  }
  const { schedule, serviceType = "", "p2p:p2ps": service } = criteria;
  if (service === undefined) throw new NsiRefusal("missing-parameter", "criteria hold no point-to-point service");
  if (service.directionality === "Unidirectional") {
    throw new NsiRefusal("unsupported-parameter", "directionality: paths go both ways here");
  }
  if (service.ero !== undefined && service.ero !== "")
    throw new NsiRefusal("unsupported-parameter", "ero: the way is chosen here");
  if (service.parameter !== undefined) throw new NsiRefusal("unsupported-parameter", `parameter: none is known here`);
  const { capacity, symmetricPath = false, sourceSTP, destSTP } = service;
  if (capacity === 0) throw new NsiRefusal("payload-error", "capacity: a path of no rate is none");
  const { globalReservationId, description } = named;
  return {
    ...{
      globalReservationId,
      description,
      serviceType,
      version: criteria["@version"] ?? 0,
      window: windowOf(schedule),
    },
    service: { capacity, symmetricPath, sourceSTP, destSTP },
  };
}

/** Ends as this domain's topology names them. Throws NsiRefusal. */
export function endsOf({ service }: Agreement, labels: Labels): readonly [from: string, to: string] {
  return [stpOf(service.sourceSTP, labels), stpOf(service.destSTP, labels)];
}

/** What is agreed: with the VLANs of the channels that were chosen. Throws NsiRefusal if others were asked for. */
export function settled(agreement: Agreement, labels: Labels, { from, to, segments }: Connection): Agreement {
  const { service } = agreement;
  const sourceSTP = labelled(service.sourceSTP, from, labels, segments[0]?.in.channel);
  const destSTP = labelled(service.destSTP, to, labels, segments.at(-1)?.out.channel);
  return { ...agreement, service: { ...service, sourceSTP, destSTP } };
}

function windowOf(schedule: { startTime?: string | undefined; endTime?: string | undefined } = {}) {
  const at = (time: string): number => Date.parse(/(Z|[+-]\d\d:\d\d)$/.test(time) ? time : `${time}Z`);
  if (schedule.endTime === undefined) throw new NsiRefusal("missing-parameter", "endTime: no path is for ever here");
  const endMs = at(schedule.endTime);
  const startMs = schedule.startTime === undefined ? Date.now() : at(schedule.startTime);
  if (!(startMs < endMs)) throw new NsiRefusal("payload-error", "schedule: it ends before it begins");
  return { start: new Date(startMs).toISOString(), end: new Date(endMs).toISOString() };
}

function stpOf(written: PointToPoint["sourceSTP"], labels: Labels): string {
  const parsed = parseStp(written);
  if (parsed === undefined) throw new NsiRefusal("invalid-label", `${written} is no STP with a VLAN`);
  if (parsed.vlans === undefined || labels[parsed.stp] !== undefined) return parsed.stp;
  throw new NsiRefusal("invalid-label", `${parsed.stp} has no VLANs`);
}

function labelled(written: string, stp: string, labels: Labels, channel: number | undefined): string {
  const first = labels[stp];
  if (first === undefined || channel === undefined) return stp;
  const vlan = first + channel;
  const { vlans } = parseStp(written) ?? {};
  if (vlans === undefined || (vlans.first <= vlan && vlan <= vlans.last)) return withVlan(stp, vlan);
  throw new NsiRefusal("stp-unavailable", `of ${stp} VLAN ${vlan} is free, not ${written.split("=")[1]}`);
}
