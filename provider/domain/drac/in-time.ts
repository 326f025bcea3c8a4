import { Refused } from "../refused.ts";
import type { Ask } from "./known-times.ts";

/** Who asks waits 2.5 s, for a preview: a domain that is silent is named before that. */
const ANSWER_MS = 1_500;

/** Asks a domain, and rejects with Refused (504) that names it if it has not answered soon. */
export function inTime(ask: Ask): Ask {
  return async (domain, request) => {
    const late = Promise.withResolvers<never>();
    const reason = `${domain} gave no answer in ${ANSWER_MS / 1_000} s`;
    const silent = new Refused(504, "domain.unreachable", reason, domain);
    const timer = setTimeout(() => late.reject(silent), ANSWER_MS);
    return await Promise.race([ask(domain, request), late.promise]).finally(() => clearTimeout(timer));
  };
}
