import { reasonOf, TurntableError } from "../../errors.ts";
import { NsiFault, NsiSilence } from "./conversation.ts";
import type { NsiRecord } from "./record.ts";
import type { ServiceException } from "./wire/exception.ts";
import type { Message } from "./wire/messages.ts";

/** By the first three digits of NSI's errors (GFD.235), what kind of refusal it is. */
type Kind = "payload" | "state" | "security" | "topology" | "internal" | "unavailable" | "other";

function kindOf({ errorId }: ServiceException): Kind {
  if (errorId === "00704" || errorId === "00705" || errorId.startsWith("006")) return "unavailable";
  if (errorId.startsWith("001")) return "payload";
  if (errorId.startsWith("002")) return "state";
  if (errorId.startsWith("003")) return "security";
  if (errorId.startsWith("004") || errorId.startsWith("007")) return "topology";
  return errorId.startsWith("005") || errorId.startsWith("008") ? "internal" : "other";
}

/** Whether the provider does not know the connection (any more). */
export function isUnknown(thrown: unknown): boolean {
  return thrown instanceof NsiFault && thrown.exception.errorId === "00203";
}

/** What was heard, unless it is that a reservation failed: throws NsiFault. */
export function unlessFailed(heard: Message): Message {
  if (heard.operation !== "types:reserveFailed" && heard.operation !== "types:reserveCommitFailed") return heard;
  throw new NsiFault(heard.content.serviceException);
}

/** What to throw where less was given than asked for. */
export function tooLittle({ provider }: NsiRecord, gotMbps: number, wantedMbps: number): TurntableError {
  return new TurntableError("domain.refused", `${provider} gave ${gotMbps} Mbps, not ${wantedMbps}`, {
    retry: "safe",
    next: "Ask for less, or at another time.",
  });
}

/** What to throw where the provider has to know the connection and does not. */
export function unknownTo({ provider }: NsiRecord, connectionId: string): TurntableError {
  return new TurntableError("domain.refused", `${provider} knows no ${connectionId} of ours`, {
    retry: "never",
    next: "Run `pulumi refresh`, then `pulumi up` again.",
  });
}

/** What went wrong with the provider, as the error that a user can act on. `what` completes "… refused to". */
export function failure(thrown: unknown, { provider, url, callback }: NsiRecord, what: string): TurntableError {
  if (thrown instanceof TurntableError) return thrown;
  if (thrown instanceof NsiFault) return refused(thrown, provider, what);
  if (thrown instanceof NsiSilence) {
    return new TurntableError("domain.unreachable", `${provider} was asked to ${what}, but ${thrown.message}`, {
      retry: "safe",
      next: `See that ${provider} reaches ${callback.url} and shows the pinned certificate there, then run again.`,
      cause: thrown,
    });
  }
  const reason = reasonOf(thrown);
  return new TurntableError("domain.unreachable", `${provider} at ${url} could not be asked to ${what}: ${reason}`, {
    retry: "safe",
    next: "See that it runs, shows the pinned certificate and knows ours, then run again.",
    cause: thrown,
  });
}

function refused(thrown: NsiFault, provider: string, what: string): TurntableError {
  const { nsaId, errorId, text } = thrown.exception;
  const by = nsaId === provider ? provider : `${provider}, for ${nsaId},`;
  const kind = kindOf(thrown.exception);
  switch (kind) {
    case "internal":
      return new TurntableError("lightpath.failed", `${by} failed to ${what}: ${text} [${errorId}]`, {
        retry: "safe",
        next: `Ask the operator of ${nsaId} what its log says, then run again.`,
        cause: thrown,
      });
    case "unavailable":
    case "state":
      return new TurntableError("domain.refused", `${by} refused to ${what}: ${text} [${errorId}]`, {
        retry: "safe",
        next: `Ask for what ${nsaId} has free, or at another time.`,
        cause: thrown,
      });
    case "security":
      return new TurntableError("domain.refused", `${by} refused to ${what}: ${text} [${errorId}]`, {
        retry: "never",
        next: `Let the operator of ${nsaId} allow this to the requester's certificate.`,
        cause: thrown,
      });
    case "payload":
    case "topology":
    case "other":
      return new TurntableError("domain.refused", `${by} refused to ${what}: ${text} [${errorId}]`, {
        retry: "never",
        next: `Ask for what ${nsaId} offers: look at the STPs and the rate.`,
        cause: thrown,
      });
    default:
      return kind satisfies never;
  }
}
