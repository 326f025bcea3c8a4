import { z } from "zod";
import { fault, serviceException } from "./exception.ts";
import { confirmedCriteria, connectionStates, dataPlaneStatus, requestCriteria, reservation } from "./reservation.ts";
import { dateTime, empty, many, named, perhaps, text, whole } from "./values.ts";

/** A connection named, and no more. */
const theConnection = z.object({ connectionId: named });

const reserve = z.object({
  /** Of a modification. */
  connectionId: text.optional(),
  globalReservationId: text.optional(),
  description: text.optional(),
  criteria: requestCriteria,
});
const reserveConfirmed = z.object({
  connectionId: named,
  globalReservationId: text.optional(),
  description: text.optional(),
  criteria: confirmedCriteria,
});
const failed = z.object({ connectionId: named, connectionStates, serviceException });
/** Of nothing: all that are the requester's. */
const query = perhaps(
  z.object({
    connectionId: many(named),
    globalReservationId: many(text),
    ifModifiedSince: dateTime.optional(),
  }),
);
const found = perhaps(z.object({ reservation: many(reservation), lastModified: dateTime.optional() }));
const notification = { connectionId: named, notificationId: whole, timeStamp: dateTime };
const origin = { originatingConnectionId: named, originatingNSA: named };

function operation<N extends string, S extends z.ZodType>(name: N, content: S) {
  return z.object({ operation: z.literal(name), content });
}

/** Everything that requester and provider say to each other, by the name of the element in the message's body. */
export const message = z.discriminatedUnion("operation", [
  operation("types:reserve", reserve),
  operation("types:reserveResponse", theConnection),
  operation("types:reserveConfirmed", reserveConfirmed),
  operation("types:reserveFailed", failed),
  operation("types:reserveCommit", theConnection),
  operation("types:reserveCommitConfirmed", theConnection),
  operation("types:reserveCommitFailed", failed),
  operation("types:reserveAbort", theConnection),
  operation("types:reserveAbortConfirmed", theConnection),
  operation("types:provision", theConnection),
  operation("types:provisionConfirmed", theConnection),
  operation("types:release", theConnection),
  operation("types:releaseConfirmed", theConnection),
  operation("types:terminate", theConnection),
  operation("types:terminateConfirmed", theConnection),
  operation("types:querySummary", query),
  operation("types:querySummaryConfirmed", found),
  operation("types:querySummarySync", query),
  operation("types:querySummarySyncConfirmed", found),
  operation("types:queryRecursive", query),
  operation("types:queryRecursiveConfirmed", found),
  operation("types:error", z.object({ serviceException })),
  operation("types:reserveTimeout", z.object({ ...notification, timeoutValue: whole, ...origin })),
  operation("types:dataPlaneStateChange", z.object({ ...notification, dataPlaneStatus })),
  operation(
    "types:errorEvent",
    z.object({ ...notification, event: text, ...origin, serviceException: serviceException.optional() }),
  ),
  operation("types:messageDeliveryTimeout", z.object({ ...notification, correlationId: text })),
  operation("types:acknowledgment", empty),
  operation("soap:Fault", fault),
]);

export type Message = z.output<typeof message>;
export type Operation = Message["operation"];
/** What a message of this name says. */
export type Content<O extends Operation> = Extract<Message, { operation: O }>["content"];
