import { reasonOf } from "../../errors.ts";
import { ERRORS, type ErrorName, type ServiceException } from "../../lightpath/nsi/wire/exception.ts";
import { NsiRefusal, textOf } from "../../lightpath/nsi/wire/listener.ts";
import type { ConfirmedCriteria, ConnectionStates, Reservation } from "../../lightpath/nsi/wire/reservation.ts";
import { Refused } from "../refused.ts";
import type { NsiConnection } from "./store.ts";

/** The states of a connection, as NSI tells them. */
export function statesOf({ reservation, provision, lifecycle, active, agreement }: NsiConnection): ConnectionStates {
  return {
    ...{ reservationState: reservation, provisionState: provision, lifecycleState: lifecycle },
    dataPlaneStatus: { active, version: agreement.version, versionConsistent: true },
  };
}

/** What was agreed, as NSI tells it. */
export function criteriaOf({ agreement: { version, window, serviceType, service } }: NsiConnection): ConfirmedCriteria {
  const { capacity, symmetricPath, sourceSTP, destSTP } = service;
  const p2ps = { capacity, directionality: "Bidirectional" as const, symmetricPath, sourceSTP, destSTP };
  const schedule = { startTime: window.start, endTime: window.end };
  return { "@version": version, schedule, serviceType, "p2p:p2ps": p2ps };
}

/** A connection in the answer to a query. */
export function reservationOf(one: NsiConnection): Reservation {
  const { id, agreement, requester, notifications, results, committed } = one;
  const { globalReservationId, description } = agreement;
  return {
    ...{ connectionId: id, globalReservationId, description, criteria: committed ? [criteriaOf(one)] : undefined },
    ...{ requesterNSA: requester, connectionStates: statesOf(one), notificationId: notifications, resultId: results },
  };
}

/** Why something failed after it was taken up. */
export function exceptionOf(nsa: string, connectionId: string, thrown: unknown): ServiceException {
  const [error, reason] = errorOf(thrown);
  return { nsaId: nsa, connectionId, errorId: ERRORS[error], text: textOf(error, reason) };
}

/** What this domain's refusals are in NSI's words. */
const ERROR_OF: Readonly<Record<string, ErrorName>> = {
  "path.unknown": "unknown-stp",
  "path.none": "no-path",
  "capacity.short": "capacity-unavailable",
  "channel.taken": "stp-unavailable",
  "connection.unknown": "reservation-nonexistent",
  "connection.over": "invalid-transition",
  "connection.shared": "invalid-transition",
};

function errorOf(thrown: unknown): readonly [ErrorName, string] {
  if (thrown instanceof NsiRefusal) return [thrown.error, thrown.message];
  if (!(thrown instanceof Refused)) return ["internal-error", "the agent failed; its log tells why"];
  const { status, error, domain, policy } = thrown;
  const by = [domain, policy && `its policy "${policy}"`].filter(Boolean).join(", by ");
  const reason = `${reasonOf(thrown)}${by === "" ? "" : ` (${by})`}`;
  const otherwise = status === 401 || status === 403 ? "unauthorized" : "internal-error";
  return [ERROR_OF[error] ?? otherwise, reason];
}
