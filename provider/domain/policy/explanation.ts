import { type Explained, explain } from "./conditions.ts";
import { readJson } from "./json-file.ts";
import { readPolicies } from "./policies.ts";
import { PolicySet } from "./policy-set.ts";
import { policyRequest, queryOf } from "./request.ts";
import { decide } from "./verdict.ts";

const MARKS = { holds: "yes", "does not hold": "no ", "cannot be evaluated": "?  " } as const;

/**
 * Why a folder's policies permit or refuse the request in a file, as lines: the verdict, then every policy with those of
 * its conditions that hold and those that do not. Rejects with input.invalid if folder or file cannot be used.
 */
export async function explanation(folder: string, file: string): Promise<readonly string[]> {
  const set = PolicySet.of(await readPolicies(folder), folder);
  const request = await readJson(file, policyRequest);
  const verdict = decide(set, request);
  const by = verdict.by.map(({ id, at }) => `${id} (${at})`).join(", ");
  const deciding = new Set(verdict.by.map(({ id }) => id));
  const head = verdict.permitted
    ? `permitted by ${by}`
    : `refused by ${by === "" ? verdict.policy : by}: ${verdict.reason}`;
  const parts = explain(set, queryOf(request));
  const about = parts.filter(({ inScope }) => inScope);
  const others = parts.filter(({ inScope }) => !inScope);
  return [
    head,
    ...about.flatMap((one) => ["", ...linesOf(one, deciding.has(one.policy.id))]),
    ...(others.length > 0 ? ["", `not about this request: ${others.map(({ policy }) => policy.id).join(", ")}`] : []),
  ];
}

function linesOf({ policy, conditions }: Explained, decides: boolean): readonly string[] {
  const { id, effect, at, reason } = policy;
  const title = `${effect} ${id} (${at})${reason === undefined ? "" : `: ${reason}`}`;
  const lines = conditions.map(({ text, holding }) => `  ${MARKS[holding]} ${text}`);
  const outcome = decides
    ? "decides"
    : conditions.every(({ holding }) => holding === "holds")
      ? "applies"
      : "does not apply";
  return [`${title} — ${outcome}`, ...(lines.length > 0 ? lines : ["  without conditions"])];
}
