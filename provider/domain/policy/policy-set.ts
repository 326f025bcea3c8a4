import { randomUUID } from "node:crypto";
import { readFileSync } from "node:fs";
import {
  type CheckParseAnswer,
  type PolicyJson,
  policySetTextToParts,
  policyToJson,
  preparsePolicySet,
  preparseSchema,
  type Response,
  statefulIsAuthorized,
  validate,
} from "@cedar-policy/cedar-wasm/nodejs";
import { TurntableError } from "../../errors.ts";
import { faultAt, lineAt } from "./fault.ts";
import type { Query } from "./request.ts";

/** The engine keeps what it has parsed by name. */
const SCHEMA = "turntable";
const schema = readFileSync(new URL("./schema.cedarschema", import.meta.url), "utf8");
requireParsed(preparseSchema(SCHEMA, schema));

export interface PolicyFile {
  readonly name: string;
  readonly text: string;
}

export interface Policy {
  /** Its `@id`, else the file and its place there: "clients.cedar#2". */
  readonly id: string;
  /** Its `@reason`: what callers are told. */
  readonly reason: string | undefined;
  readonly effect: "permit" | "forbid";
  /** Where it stands: "clients.cedar:12". */
  readonly at: string;
  /** As it is written, and taken apart. */
  readonly source: string;
  readonly json: PolicyJson;
}

interface Parsed extends Policy {
  readonly file: PolicyFile;
  /** Of its first character in the file. */
  readonly offset: number;
}

/** A domain's policies, valid by the product's schema, ready to decide. */
export class PolicySet {
  readonly policies: ReadonlyMap<string, Policy>;
  readonly #name = `turntable-${randomUUID()}`;

  private constructor(policies: readonly Policy[]) {
    this.policies = new Map(policies.map((policy) => [policy.id, policy]));
    this.#keep(Object.fromEntries(policies.map(({ id, source }) => [id, source])));
  }

  /** Throws input.invalid that names every fault with file and line, a policy that can never apply among them. */
  static of(files: readonly PolicyFile[], where: string): PolicySet {
    const read = files.map(parse);
    const policies = read.flatMap((one) => one.policies);
    const faults = [...read.flatMap((one) => one.faults), ...doubled(policies)];
    if (policies.length === 0 && faults.length === 0) faults.push("it holds no policy (*.cedar): nothing is permitted");
    if (faults.length === 0) faults.push(...againstSchema(policies));
    if (faults.length === 0) return new PolicySet(policies);
    throw new TurntableError("input.invalid", `the policies in ${where} cannot be used: ${faults.join("; ")}`, {
      ...{ retry: "never", next: "Correct them; `turntable policy test` tells whether a folder is good." },
    });
  }

  /** What the engine says: forbid wins, and what nothing permits is denied. Throws if the query is not by the schema. */
  evaluate(query: Query): Response {
    return evaluate(this.#name, query);
  }

  /** Lets the engine forget it. */
  forget(): void {
    this.#keep({});
  }

  #keep(staticPolicies: Record<string, string>): void {
    requireParsed(preparsePolicySet(this.#name, { staticPolicies }));
  }
}

/** Has the engine answer by a set that it has parsed. */
export function evaluate(preparsedPolicySetId: string, query: Query, validateRequest = true): Response {
  const answer = statefulIsAuthorized({ ...query, preparsedPolicySetId, preparsedSchemaName: SCHEMA, validateRequest });
  if (answer.type === "success") return answer.response;
  throw new Error(`the policies' engine cannot judge this: ${answer.errors.map(({ message }) => message).join("; ")}`);
}

function parse(file: PolicyFile): { readonly policies: readonly Parsed[]; readonly faults: string[] } {
  const { name, text } = file;
  const parts = policySetTextToParts(text);
  if (parts.type === "failure") return { policies: [], faults: parts.errors.map((error) => faultAt(error, file, 0)) };
  const faults = parts.policy_templates.map((template) => {
    return `${name}:${lineAt(text, text.indexOf(template))}: a template (?principal, ?resource) has no place here`;
  });
  const inOrder = parts.policies.map((source) => ({ source, offset: text.indexOf(source) }));
  inOrder.sort((one, other) => one.offset - other.offset);
  const policies = inOrder.flatMap(({ source, offset }, index): Parsed[] => {
    const at = `${name}:${lineAt(text, offset)}`;
    const answer = policyToJson(source);
    if (answer.type === "failure") {
      faults.push(...answer.errors.map((error) => faultAt(error, file, offset)));
      return [];
    }
    const { json } = answer;
    const { id = `${name}#${index + 1}`, reason } = json.annotations ?? {};
    return [{ id, reason, effect: json.effect, at, source, json, file, offset }];
  });
  return { policies, faults };
}

function doubled(policies: readonly Parsed[]): string[] {
  const first = new Map<string, Parsed>();
  return policies.flatMap((policy) => {
    const before = first.get(policy.id);
    if (before === undefined) first.set(policy.id, policy);
    return before === undefined ? [] : [`${policy.at}: the id ${policy.id} is that of ${before.at} already`];
  });
}

function againstSchema(policies: readonly Parsed[]): string[] {
  const staticPolicies = Object.fromEntries(policies.map(({ id, source }) => [id, source]));
  const answer = validate({ validationSettings: { mode: "strict" }, schema, policies: { staticPolicies } });
  if (answer.type === "failure") return answer.errors.map(({ message }) => message);
  const byId = new Map(policies.map((policy) => [policy.id, policy]));
  const found = [...answer.validationErrors, ...answer.validationWarnings].map(({ policyId, error }) => {
    const policy = byId.get(policyId);
    return policy === undefined ? error.message : faultAt(error, policy.file, policy.offset);
  });
  // The engine tells them in any order.
  return [...new Set([...found.toSorted(), ...answer.otherWarnings.map(({ message }) => message)])];
}

function requireParsed(answer: CheckParseAnswer): void {
  if (answer.type === "success") return;
  throw new Error(`the policies' engine does not take this: ${answer.errors.map(({ message }) => message).join("; ")}`);
}
