import { isDeepStrictEqual } from "node:util";
import type { z } from "zod";
import { TurntableError } from "../errors.ts";
import type { CheckFailure, CheckResult, Properties } from "../resource.ts";
import { withDefaults } from "./defaults.ts";
import { holdsUnknown, isUnknownAt, valueAt } from "./unknowns.ts";

type Issue = z.core.$ZodIssue;

/** A path the way Pulumi writes it: `hosts[0].hostKey`, `labels["a.b"]`. */
export function propertyPath(path: readonly PropertyKey[]): string {
  return path.reduce<string>((written, key) => {
    if (typeof key === "number") return `${written}[${key}]`;
    if (!/^[A-Za-z_]\w*$/.test(String(key))) return `${written}["${String(key)}"]`;
    return written === "" ? String(key) : `${written}.${String(key)}`;
  }, "");
}

function reason(issue: Issue, root: unknown): string {
  if (issue.code === "invalid_type" && valueAt(root, issue.path) === undefined) return `is required: ${issue.expected}`;
  return issue.message;
}

function failuresOf(issue: Issue, root: unknown): CheckFailure[] {
  if (issue.code === "unrecognized_keys") {
    return issue.keys.map((key) => ({
      property: propertyPath([...issue.path, key]),
      reason: "is not a known property",
    }));
  }
  return [{ property: propertyPath(issue.path), reason: reason(issue, root) }];
}

/** What is told of several properties cannot be judged while any of them is unknown, a property's own only while itself is. */
function canBeJudged(issue: Issue, root: unknown): boolean {
  const isOfSeveral = issue.code === "custom" || issue.code === "invalid_union";
  if (isOfSeveral && holdsUnknown(valueAt(root, issue.path))) return false;
  return !isUnknownAt(root, issue.path);
}

/** Validates inputs that may hold unknowns. Every failure at once; the inputs come back with defaults filled in. */
export function checkInputs(schema: z.ZodObject, news: Properties): CheckResult {
  const parsed = schema.safeParse(news);
  if (parsed.success) return { inputs: parsed.data, failures: [] };
  const failures = parsed.error.issues
    .filter((issue) => canBeJudged(issue, news))
    .flatMap((issue) => failuresOf(issue, news));
  return { inputs: withDefaults(schema, news), failures };
}

function parsed<S extends z.ZodType>(schema: S, what: string, value: unknown, next: string): z.output<S> {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const failures = result.error.issues.flatMap((issue) => failuresOf(issue, value));
  const listed = failures.map(({ property, reason }) => `${property || "it"} ${reason}`).join("; ");
  throw new TurntableError("input.invalid", `${what} cannot be used: ${listed}`, { retry: "never", next });
}

/** Parses declared inputs, all of which must be known by now. Throws input.invalid with every failure; `what` names them. */
export function parseKnown<S extends z.ZodType>(schema: S, what: string, value: unknown): z.output<S> {
  return parsed(schema, what, value, "Correct these properties and run `pulumi up` again.");
}

/** Parses what the stack's state holds. Throws input.invalid: another version of this package wrote it. */
export function parseRecorded<S extends z.ZodType>(schema: S, what: string, value: unknown): z.output<S> {
  return parsed(schema, what, value, "Install the version of pulumi-turntable that wrote this state.");
}

/** Names of the inputs whose values differ; an unknown new value differs. Outputs are not looked at. */
export function changedInputs(schema: z.ZodObject, olds: Properties, news: Properties): string[] {
  return Object.keys(schema.shape).filter((key) => !isDeepStrictEqual(olds[key], news[key]));
}

/** The inputs among the properties of a state: what `read` returns beside them. */
export function inputsOf(schema: z.ZodObject, props: Properties): Properties {
  return Object.fromEntries(Object.entries(props).filter(([key]) => key in schema.shape));
}
