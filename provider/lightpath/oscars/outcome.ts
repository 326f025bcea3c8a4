import { reasonOf, TurntableError } from "../../errors.ts";
import { OscarsRefusal } from "./line.ts";
import type { OscarsRecord } from "./record.ts";

/** Whether OSCARS does not know the connection (any more). */
export function isUnknown(thrown: unknown): boolean {
  return thrown instanceof OscarsRefusal && thrown.status === 404;
}

/** What went wrong with OSCARS, as the error that a user can act on. `what` completes "… refused to". */
export function failure(thrown: unknown, { url }: OscarsRecord, what: string): TurntableError {
  if (thrown instanceof TurntableError) return thrown;
  if (thrown instanceof OscarsRefusal) return refused(thrown, url, what);
  return new TurntableError(
    "domain.unreachable",
    `OSCARS at ${url} could not be asked to ${what}: ${reasonOf(thrown)}`,
    {
      retry: "safe",
      next: "See that it runs and shows the pinned certificate, then run again.",
      cause: thrown,
    },
  );
}

function refused(thrown: OscarsRefusal, url: string, what: string): TurntableError {
  const { status } = thrown;
  const told = `OSCARS at ${url} refused to ${what} (status ${status})`;
  if (status === 401 || status === 403) {
    return new TurntableError("domain.refused", told, {
      retry: "never",
      next: "Set `turntable:oscarsTokenFile` to a token that is good now and for one of its user groups.",
      cause: thrown,
    });
  }
  if (status === 503) {
    return new TurntableError("domain.unreachable", `OSCARS at ${url} is just starting, or about to stop`, {
      retry: "safe",
      next: "Run again in a minute.",
      cause: thrown,
    });
  }
  if (status >= 500) {
    // A hold that is not possible is answered like an accident, and with no reason either way.
    return new TurntableError("lightpath.failed", told, {
      retry: "safe",
      next: "Run again; if it fails as before, ask its operator what its log says: the answer gives no reason.",
      cause: thrown,
    });
  }
  const gone = status === 404 ? ": it knows no such connection, whose hold may have run out" : "";
  return new TurntableError("domain.refused", `${told}${gone}`, {
    retry: "safe",
    next: "Ask for what it has free, or at another time.",
    cause: thrown,
  });
}

/** OSCARS said itself why not. */
export function toldNot(what: string, why: string): TurntableError {
  return new TurntableError("domain.refused", `OSCARS refused to ${what}: ${why}`, {
    retry: "safe",
    next: "Ask for what it has free, or at another time.",
  });
}

/** The routers did not do what was asked. */
export function unfollowed(connectionId: string, what: string): TurntableError {
  return new TurntableError("lightpath.failed", `${connectionId} ${what}`, {
    retry: "safe",
    next: "Ask the operator of OSCARS what keeps the routers from following.",
  });
}

/** What failed, and may have left something behind that could not be given back either. */
export function perhapsKept(connectionId: string, failed: TurntableError, thrown: unknown): TurntableError {
  const left = `${connectionId} may stay reserved there: it could not be given back (${reasonOf(thrown)})`;
  return new TurntableError(failed.code, `${failed.message} ${left}`, {
    retry: "unsafe",
    next: "Run `pulumi up` again, which gives it back; a mere hold runs out by itself.",
    cause: thrown,
  });
}
