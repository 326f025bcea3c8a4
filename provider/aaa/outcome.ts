import { TurntableError } from "../errors.ts";
import type { Answer, Channel } from "./channel.ts";

/** The value of an answer, or the error that a user can act on: domain.refused, domain.unreachable, or lightpath.failed if a domain broke down over it. `what` completes "… refused to". */
export function granted<T>(answer: Answer<T>, channel: Channel, what: string): T {
  switch (answer.kind) {
    case "ok":
      return answer.value;
    case "refused": {
      const { domain, reason, error, policy, nextFreeSlot: slot } = answer.refusal;
      if (answer.status >= 500 && error !== "domain.unreachable") {
        throw new TurntableError("lightpath.failed", `${domain} failed to ${what}: ${reason} [${error}]`, {
          retry: "safe",
          next: `Look at the log of the agent of ${domain}, then run again.`,
        });
      }
      if (answer.status >= 500) {
        throw new TurntableError("domain.unreachable", `${domain} could not be asked to ${what}: ${reason}`, {
          retry: "safe",
          next: `See that the agent of ${domain} runs and that ${channel.domain.name} reaches it, then run again.`,
        });
      }
      const by = policy === undefined ? "" : `by its policy "${policy}" `;
      throw new TurntableError("domain.refused", `${domain} refused ${by}to ${what}: ${reason} [${error}]`, {
        retry: answer.status === 409 || answer.status === 429 ? "safe" : "never",
        next:
          slot === undefined
            ? `Ask for what ${domain} allows, or let its operator allow this.`
            : `Ask for ${slot.start} to ${slot.end}, the next time that is free for as long.`,
      });
    }
    case "silent":
      throw new TurntableError(
        "domain.unreachable",
        `${channel.domain.name} at ${channel.domain.url} could not be asked to ${what}: ${answer.reason}`,
        { retry: "safe", next: "See that its agent runs and shows the pinned certificate, then run again." },
      );
    default:
      return answer satisfies never;
  }
}

/** Undefined if the domain says that there is no such thing. */
export function unlessAbsent<T>(answer: Answer<T>): Answer<T | undefined> {
  return answer.kind === "refused" && answer.status === 404 ? { kind: "ok", value: undefined } : answer;
}
