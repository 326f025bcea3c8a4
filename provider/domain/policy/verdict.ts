import { permitsInScope } from "./conditions.ts";
import type { Policy, PolicySet } from "./policy-set.ts";
import { type PolicyRequest, queryOf } from "./request.ts";

/** How policies decided. */
export type Verdict =
  | { readonly permitted: true; readonly by: readonly Policy[] }
  | {
      readonly permitted: false;
      /** The policies that forbid it; none if nothing permits it. */
      readonly by: readonly Policy[];
      /** Named in messages: the first that forbids, or "default deny". */
      readonly policy: string;
      /** For the caller, in one sentence without its end. */
      readonly reason: string;
    };

export const DEFAULT_DENY = "default deny";
/** A refusal is not to be read for minutes. */
const MOST_HINTS = 3;

/** Decides, and says by which policies. A policy that cannot be evaluated decides too: against it. */
export function decide(set: PolicySet, request: PolicyRequest): Verdict {
  const query = queryOf(request);
  const { decision, diagnostics } = set.evaluate(query);
  const by = diagnostics.reason.flatMap((id) => set.policies.get(id) ?? []);
  const [broken] = diagnostics.errors;
  // To pass over a forbid that has no value would be to permit.
  if (broken !== undefined) {
    const reason = `its policy ${broken.policyId} cannot be evaluated: ${broken.error.message}`;
    return { permitted: false, by: [], policy: broken.policyId, reason };
  }
  if (decision === "allow") return { permitted: true, by };
  const [first] = by;
  if (first !== undefined) {
    const reasons = by.flatMap(({ reason }) => reason ?? []);
    return { permitted: false, by, policy: first.id, reason: reasons.join("; ") || "it is forbidden" };
  }
  const hints = permitsInScope(set, query).flatMap(({ id, reason }) => (reason ? [`${reason} [${id}]`] : []));
  const allowed = hints.slice(0, MOST_HINTS).join("; ");
  const reason = `no policy permits it${allowed === "" ? "" : `; permitted is: ${allowed}`}`;
  return { permitted: false, by, policy: DEFAULT_DENY, reason };
}
