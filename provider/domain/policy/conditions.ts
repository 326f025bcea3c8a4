import { randomUUID } from "node:crypto";
import {
  type Clause,
  type Expr,
  type PolicyJson,
  policyToText,
  preparsePolicySet,
} from "@cedar-policy/cedar-wasm/nodejs";
import { evaluate, type Policy, type PolicySet } from "./policy-set.ts";
import type { Query } from "./request.ts";

export type Holding = "holds" | "does not hold" | "cannot be evaluated";

/** A part of a policy, and whether it is so for a request. */
export interface Condition {
  /** As Cedar text. */
  readonly text: string;
  readonly holding: Holding;
}

export interface Explained {
  readonly policy: Policy;
  /** Whether its head (principal, action, resource) is about the request at all. */
  readonly inScope: boolean;
  /** Its `when` parts between `&&`, and its `unless`es; empty if it is out of scope. */
  readonly conditions: readonly Condition[];
}

/** The permits whose head is about the request, whatever else they ask for. */
export function permitsInScope(set: PolicySet, query: Query): readonly Policy[] {
  const policies = [...set.policies.values()].filter(({ effect }) => effect === "permit");
  const held = ask(new Map(policies.map((policy) => [policy.id, bare(policy)])), query);
  return policies.filter(({ id }) => held(id) === "holds");
}

/** Takes every policy of a set apart: each part is asked alone, as the only condition of a policy that permits. */
export function explain(set: PolicySet, query: Query): readonly Explained[] {
  const parts = [...set.policies.values()].map((policy) => {
    return { policy, clauses: policy.json.conditions.flatMap(apart) };
  });
  const asked = new Map<string, PolicyJson>();
  for (const [place, { policy, clauses }] of parts.entries()) {
    asked.set(`${place}`, bare(policy));
    for (const [index, clause] of clauses.entries()) {
      asked.set(`${place}.${index}`, { ...bare(policy), conditions: [clause] });
    }
  }
  const held = ask(asked, query);
  return parts.map(({ policy, clauses }, place) => {
    const inScope = held(`${place}`) === "holds";
    const conditions = clauses.map((clause, index) => ({ text: textOf(clause), holding: held(`${place}.${index}`) }));
    return { policy, inScope, conditions: inScope ? conditions : [] };
  });
}

function bare({ json }: Policy): PolicyJson {
  return { ...json, effect: "permit", conditions: [], annotations: {} };
}

function apart({ kind, body }: Clause): Clause[] {
  return kind === "when" ? conjuncts(body).map((part) => ({ kind, body: part })) : [{ kind, body }];
}

function conjuncts(body: Expr): Expr[] {
  if (!isConjunction(body)) return [body];
  const { left, right } = body["&&"];
  return [...conjuncts(left), ...conjuncts(right)];
}

function isConjunction(body: Expr): body is { "&&": { left: Expr; right: Expr } } {
  return "&&" in body;
}

function ask(policies: ReadonlyMap<string, PolicyJson>, query: Query): (id: string) => Holding {
  const name = `turntable-${randomUUID()}`;
  preparsePolicySet(name, { staticPolicies: Object.fromEntries(policies) });
  const { diagnostics } = evaluate(name, query);
  preparsePolicySet(name, {});
  const holding = new Set(diagnostics.reason);
  const broken = new Set(diagnostics.errors.map(({ policyId }) => policyId));
  return (id) => (holding.has(id) ? "holds" : broken.has(id) ? "cannot be evaluated" : "does not hold");
}

function textOf(clause: Clause): string {
  const all = { op: "All" } as const;
  const answer = policyToText({ effect: "permit", principal: all, action: all, resource: all, conditions: [clause] });
  if (answer.type === "failure") return JSON.stringify(clause.body);
  const inside = /(?:when|unless) \{ (.*) \};\s*$/s.exec(answer.text)?.[1] ?? answer.text;
  return clause.kind === "unless" ? `unless { ${inside} }` : inside;
}
