import type { CedarValueJson, EntityJson, TypeAndId } from "@cedar-policy/cedar-wasm/nodejs";
import { z } from "zod";
import { encryption, labels, timeWindow } from "../../aaa/wire.ts";
import { civilTime, isTimeZone } from "./civil-time.ts";

/** What nobody said, so that policies need not ask whether it is there. */
export const UNKNOWN = "unknown";

const place = z.strictObject({
  stp: z.string(),
  domain: z.string(),
  labels: labels.default({}),
});

/** What is decided on, with all that policies can look at. */
export const policyRequest = z.strictObject({
  action: z.enum(["grant", "consent"]).default("consent"),
  /** A client's name at its home domain, and its groups there. */
  subject: z.string().min(1),
  groups: z.array(z.string().min(1)).default([]),
  home: z.string().min(1),
  vm: z.strictObject({ name: z.string().min(1), labels: labels.default({}) }),
  from: place,
  to: place,
  bandwidthMbps: z.number().positive(),
  /** With this request counted in; absent: nothing but this request. */
  totalBandwidthMbps: z.number().positive().optional(),
  window: timeWindow,
  /** When it is asked; absent: when the window starts. */
  now: z.iso.datetime().optional(),
  /** The deciding domain's. */
  timeZone: z.string().refine(isTimeZone, "must be a time zone such as Europe/Amsterdam").default("UTC"),
  encryption: encryption.optional(),
  purpose: z.string().optional(),
});

export type PolicyRequest = z.output<typeof policyRequest>;

/** A request in Cedar's words, with the entities that matter to it and no others. */
export interface Query {
  readonly principal: TypeAndId;
  readonly action: TypeAndId;
  readonly resource: TypeAndId;
  readonly context: Record<string, CedarValueJson>;
  readonly entities: EntityJson[];
}

/** See schema.cedarschema for what each attribute means. */
export function queryOf(request: PolicyRequest): Query {
  const { action, subject, groups, home, vm, from, to, window, purpose = UNKNOWN } = request;
  const principal = { type: "Subject", id: `${subject}@${home}` };
  const memberOf = groups.map((group) => ({ type: "Group", id: `${group}@${home}` }));
  const resource = { type: "Vm", id: vm.name };
  const { hours, weekdays, startTimeMs, endTimeMs } = civilTime(window, request.timeZone);
  return {
    ...{ principal, action: { type: "Action", id: action }, resource },
    context: {
      ...{ home: reference("Domain", home), from: reference("Site", from.stp), to: reference("Site", to.stp) },
      bandwidthMbps: whole(request.bandwidthMbps),
      totalBandwidthMbps: whole(request.totalBandwidthMbps ?? request.bandwidthMbps),
      ...{ now: moment(request.now ?? window.start), start: moment(window.start), end: moment(window.end) },
      duration: span(Date.parse(window.end) - Date.parse(window.start)),
      ...{ hours: [...hours], weekdays: [...weekdays], startTime: span(startTimeMs), endTime: span(endTimeMs) },
      ...{ encrypted: request.encryption === "tls", purpose },
    },
    entities: [
      { uid: principal, attrs: { home: reference("Domain", home) }, parents: memberOf },
      { uid: resource, attrs: {}, parents: [], tags: vm.labels },
      ...[from, ...(from.stp === to.stp ? [] : [to])].map(siteOf),
    ],
  };
}

function siteOf({ stp, domain, labels }: PolicyRequest["from"]): EntityJson {
  const attrs = { domain: reference("Domain", domain), jurisdiction: labels.jurisdiction ?? UNKNOWN };
  return { uid: { type: "Site", id: stp }, attrs, parents: [], tags: labels };
}

const reference = (type: string, id: string): CedarValueJson => ({ __entity: { type, id } });
const moment = (iso: string): CedarValueJson => ({ __extn: { fn: "datetime", arg: new Date(iso).toISOString() } });
const span = (ms: number): CedarValueJson => ({ __extn: { fn: "duration", arg: `${ms}ms` } });

/** Cedar counts in whole numbers: a limit must not be passed by a fraction, nor by a number that it cannot hold. */
function whole(mbps: number): number {
  return Math.min(Math.ceil(mbps), Number.MAX_SAFE_INTEGER);
}
