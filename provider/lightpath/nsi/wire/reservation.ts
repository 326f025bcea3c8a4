import { z } from "zod";
import { dateTime, flag, many, named, orEmpty, perhaps, text, whole } from "./values.ts";

/*
 * What is said of a connection. Elements stand in the order of the schema of GFD.212, in which they are written too.
 */

export const schedule = perhaps(z.object({ startTime: dateTime.optional(), endTime: dateTime.optional() }));

const orderedStp = z.object({ "@order": whole, stp: named });
const parameter = z.object({ "@type": text, "#text": text.optional() });

/** The point-to-point service: two ends, a rate in Mbit/s. */
export const pointToPoint = z.object({
  capacity: whole,
  directionality: z.enum(["Bidirectional", "Unidirectional"]).optional(),
  symmetricPath: flag.optional(),
  sourceSTP: named,
  destSTP: named,
  /** The way, where one is asked for or told. */
  ero: orEmpty(z.object({ orderedSTP: many(orderedStp) })).optional(),
  parameter: many(parameter),
});

/** What is asked for. A modification leaves out what shall stay. */
export const requestCriteria = z.object({
  /** OSCARS takes none without it; the others number versions themselves. */
  "@version": whole.optional(),
  schedule: schedule.optional(),
  serviceType: text.optional(),
  "p2p:p2ps": pointToPoint.optional(),
});

export const dataPlaneStatus = z.object({ active: flag, version: whole, versionConsistent: flag });

/** The three machines of a connection, and its data plane. */
export const connectionStates = z.object({
  reservationState: z
    .enum([
      ...(["ReserveStart", "ReserveChecking", "ReserveFailed", "ReserveAborting"] as const),
      ...(["ReserveHeld", "ReserveCommitting", "ReserveTimeout"] as const),
    ])
    .optional(),
  provisionState: z.enum(["Released", "Provisioning", "Provisioned", "Releasing"]).optional(),
  lifecycleState: z.enum(["Created", "Failed", "PassedEndTime", "Terminating", "Terminated"]),
  dataPlaneStatus,
});

/** What was agreed. */
const settled = { schedule, serviceType: text, "p2p:p2ps": pointToPoint.optional() };
export const confirmedCriteria = z.object({ "@version": whole, ...settled });

/** What another provider contributes to a connection, and what others to that. */
const child = z.object({
  "@order": whole,
  connectionId: named,
  providerNSA: named,
  serviceType: text.optional(),
  connectionStates: connectionStates.optional(),
  get criteria() {
    return many(criteria);
  },
  "p2p:p2ps": pointToPoint.optional(),
});

/** What was agreed, with what others contribute to it. */
export const criteria = z.object({
  "@version": whole,
  schedule,
  serviceType: text,
  get children() {
    return orEmpty(z.object({ child: many(child) })).optional();
  },
  "p2p:p2ps": pointToPoint.optional(),
});

/** A connection as a query tells of it. */
export const reservation = z.object({
  connectionId: named,
  globalReservationId: text.optional(),
  description: text.optional(),
  criteria: many(criteria),
  requesterNSA: named,
  connectionStates,
  notificationId: whole.optional(),
  resultId: whole.optional(),
});

export type PointToPoint = z.output<typeof pointToPoint>;
export type ConnectionStates = z.output<typeof connectionStates>;
export type ConfirmedCriteria = z.output<typeof confirmedCriteria>;
export type Reservation = z.output<typeof reservation>;
