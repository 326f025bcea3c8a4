import { z } from "zod";
import { parseAs, readJson } from "./json-file.ts";
import { readPolicies } from "./policies.ts";
import { PolicySet } from "./policy-set.ts";
import { policyRequest } from "./request.ts";
import { decide, type Verdict } from "./verdict.ts";

const part = z.record(z.string(), z.unknown());

/** A table of cases. Each one's request is laid over the table's, property by property. */
export const caseTable = z.strictObject({
  schema: z.literal(1),
  request: part.default({}),
  cases: z
    .array(
      z.strictObject({
        name: z.string().min(1),
        request: part.default({}),
        expect: z.enum(["permit", "forbid"]),
        /** The policy that decides; "default deny" where none permits. Absent: whichever. */
        by: z.string().optional(),
      }),
    )
    .min(1),
});

type Case = z.output<typeof caseTable>["cases"][number];

/** Judges a table of cases by a folder's policies. Rejects with input.invalid if one of the two cannot be used. */
export async function testCases(folder: string, file: string): Promise<{ lines: readonly string[]; well: boolean }> {
  const set = PolicySet.of(await readPolicies(folder), folder);
  const { request, cases } = await readJson(file, caseTable);
  const judged = cases.map((one) => {
    const asked = parseAs({ ...request, ...one.request }, policyRequest, `the case "${one.name}" of ${file}`);
    const verdict = decide(set, asked);
    return { one, verdict, well: isAsExpected(one, verdict) };
  });
  const failed = judged.filter(({ well }) => !well).length;
  const untried = [...set.policies.keys()].filter(
    (id) => !judged.some(({ verdict }) => deciders(verdict).includes(id)),
  );
  return {
    lines: [
      ...judged.map(({ one, verdict, well }) => line(one, verdict, well)),
      ...(untried.length > 0 ? [`no case is decided by ${untried.join(", ")}`] : []),
      `${cases.length - failed} of ${cases.length} cases as expected, ${set.policies.size} policies`,
    ],
    well: failed === 0,
  };
}

/** Ids of the policies that decided; "default deny" if none did. */
export function deciders(verdict: Verdict): readonly string[] {
  const ids = verdict.by.map(({ id }) => id);
  return ids.length === 0 && !verdict.permitted ? [verdict.policy] : ids;
}

function isAsExpected({ expect, by }: Case, verdict: Verdict): boolean {
  return (expect === "permit") === verdict.permitted && (by === undefined || deciders(verdict).includes(by));
}

function line({ name, expect, by }: Case, verdict: Verdict, well: boolean): string {
  const found = `${verdict.permitted ? "permit" : "forbid"} by ${deciders(verdict).join(", ")}`;
  if (well) return `ok    ${name}: ${found}`;
  const reason = verdict.permitted ? "" : ` (${verdict.reason})`;
  return `WRONG ${name}: ${found}, expected ${expect}${by === undefined ? "" : ` by ${by}`}${reason}`;
}
