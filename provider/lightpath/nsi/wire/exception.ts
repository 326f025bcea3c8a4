import { z } from "zod";
import { many, named, orEmpty, text } from "./values.ts";

const variable = z.object({ "@type": text, "@namespace": text.optional(), value: many(text) });

/** Why something was not done, by whose word. */
export const serviceException = z.object({
  nsaId: named,
  connectionId: text.optional(),
  serviceType: text.optional(),
  errorId: named,
  text,
  variables: orEmpty(z.object({ variable: many(variable) })).optional(),
  get childException() {
    return many(serviceException);
  },
});

/** A refusal in the moment of the request. Some write the exception in one namespace, some in the other. */
export const fault = z.object({
  faultcode: text,
  faultstring: text,
  faultactor: text.optional(),
  detail: orEmpty(
    z.object({
      "framework:serviceException": serviceException.optional(),
      "types:serviceException": serviceException.optional(),
    }),
  ).optional(),
});

export type ServiceException = z.output<typeof serviceException>;
export type Fault = z.output<typeof fault>;

/** Undefined if it holds none. */
export function exceptionIn({ detail }: Fault): ServiceException | undefined {
  if (detail === undefined || detail === "") return undefined;
  return detail["framework:serviceException"] ?? detail["types:serviceException"];
}

/** The errors that a provider of ours tells (OGF GFD.235). */
export const ERRORS = {
  "payload-error": "00100",
  "missing-parameter": "00101",
  "unsupported-parameter": "00102",
  "not-implemented": "00103",
  "invalid-transition": "00201",
  "reservation-nonexistent": "00203",
  unauthorized: "00302",
  "no-path": "00407",
  "internal-error": "00500",
  "unknown-stp": "00701",
  "stp-unavailable": "00704",
  "capacity-unavailable": "00705",
  "invalid-label": "00709",
} as const;

export type ErrorName = keyof typeof ERRORS;
