import { PolicySet } from "../../../provider/domain/policy/policy-set.ts";
import { type PolicyRequest, policyRequest } from "../../../provider/domain/policy/request.ts";
import { decide, type Verdict } from "../../../provider/domain/policy/verdict.ts";
import { AMS, SAN } from "../testbed.ts";

/** A Monday evening, half an hour long, as alice of ams.example asks for it. */
export function requestFor(changes: Partial<PolicyRequest> = {}): PolicyRequest {
  return {
    ...policyRequest.parse({
      ...{
        subject: "alice",
        groups: ["operators"],
        home: "ams.example",
        vm: { name: "radar", labels: { tier: "gold" } },
      },
      from: { stp: AMS, domain: "ams.example", labels: { jurisdiction: "eu" } },
      to: { stp: SAN, domain: "san.example", labels: { jurisdiction: "us" } },
      ...{ bandwidthMbps: 600, window: { start: "2026-11-23T20:00:00Z", end: "2026-11-23T20:30:00Z" } },
      ...{ now: "2026-11-23T19:00:00Z", encryption: "tls", purpose: "maintenance" },
    }),
    ...changes,
  };
}

export function setOf(text: string): PolicySet {
  return PolicySet.of([{ name: "all.cedar", text }], "a test");
}

/** What one policy set says to one request. */
export function judged(text: string, changes: Partial<PolicyRequest> = {}): Verdict {
  const set = setOf(text);
  try {
    return decide(set, requestFor(changes));
  } finally {
    set.forget();
  }
}
