import { randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { REPOSITORY } from "../../../examples/lab/layout.ts";
import { type Commitment, Commitments } from "../../../provider/domain/aaa/commitments.ts";
import { readPolicies } from "../../../provider/domain/policy/policies.ts";
import { PolicySet } from "../../../provider/domain/policy/policy-set.ts";
import { policyRequest } from "../../../provider/domain/policy/request.ts";
import { decide } from "../../../provider/domain/policy/verdict.ts";
import { openStore } from "../../../provider/domain/store.ts";

export interface Row {
  readonly variant: string;
  readonly medianMs: number;
  readonly p99Ms: number;
  /** Mean of the processor's own time, which a busy machine lengthens least. */
  readonly cpuMs: number;
  /** Median over the first row's. */
  readonly ratio: number;
}

const SUBJECTS = 50;
const WARM_UP = 200;
const NOTED = "noted";
const HOUR_MS = 3_600_000;
const EXAMPLE = join(REPOSITORY, "examples/domain-policy/policies");

/** Decides again and again, the variants in turn. Throws if a decision is not the one it should be. */
export async function measure(vms: number, decisions: number): Promise<readonly Row[]> {
  const example = PolicySet.of(await readPolicies(EXAMPLE), EXAMPLE);
  const trivial = PolicySet.of([{ name: "all", text: "permit (principal, action, resource);" }], "memory");
  const folder = await mkdtemp(join(tmpdir(), "tt-bench-policy-"));
  const stores = await Promise.all(
    [[0, 1] as const, [vms, SUBJECTS] as const, [vms, 1] as const, [vms, SUBJECTS] as const].map(
      ([known, subjects], index) => {
        const database = openStore(join(folder, `${index}.sqlite`));
        const commitments = new Commitments(database);
        database.exec("BEGIN");
        for (let vm = 0; vm < known; vm++) commitments.add(commitmentOf(`subject-${vm % subjects}`));
        database.exec("COMMIT");
        return { database, commitments };
      },
    ),
  );
  const [none, spread, heaped, noting] = stores.map(({ commitments }) => commitments);
  if (!none || !spread || !heaped || !noting) throw new Error("a store is missing");
  const name = `${example.policies.size} policies, ${vms} VMs`;
  const variants = [
    { variant: "one permit, no VM known", decide: () => decision(trivial, none) },
    { variant: `${name} of ${SUBJECTS} subjects`, decide: () => decision(example, spread) },
    { variant: `${name} of one subject`, decide: () => decision(example, heaped) },
    {
      variant: `${name} of ${SUBJECTS} subjects, noted on disk`,
      decide: () => noting.add({ ...decision(example, noting), grant: NOTED }),
    },
  ];
  const timesMs = variants.map((): number[] => []);
  const cpuMicros = variants.map(() => 0);
  for (let turn = -WARM_UP; turn < decisions; turn++) {
    // What was noted would count in the next decision.
    stores.at(-1)?.database.exec(`DELETE FROM commitments WHERE grant_id = '${NOTED}'`);
    for (const [index, { decide }] of variants.entries()) {
      const [beganMs, began] = [performance.now(), process.cpuUsage()];
      decide();
      const [tookMs, took] = [performance.now() - beganMs, process.cpuUsage(began)];
      if (turn < 0) continue;
      timesMs[index]?.push(tookMs);
      cpuMicros[index] = (cpuMicros[index] ?? 0) + took.user + took.system;
    }
  }
  for (const { database } of stores) database.close();
  await rm(folder, { recursive: true });
  const rows = variants.map(({ variant }, index) => {
    const sorted = (timesMs[index] ?? []).toSorted((one, other) => one - other);
    const cpuMs = (cpuMicros[index] ?? Number.NaN) / decisions / 1_000;
    return { variant, medianMs: at(sorted, 0.5), p99Ms: at(sorted, 0.99), cpuMs };
  });
  return rows.map((row) => ({ ...row, ratio: row.medianMs / (rows[0]?.medianMs ?? Number.NaN) }));
}

const start = new Date(Date.now() + HOUR_MS).toISOString();
const window = { start, end: new Date(Date.parse(start) + HOUR_MS).toISOString() };
const place = (name: string) => ({
  stp: `urn:ogf:network:${name}.example:2026:host`,
  domain: `${name}.example`,
  labels: {},
});

/** The standing moves are thin, so that all decisions are for yes: to refuse takes a longer way, and is no one's hurry. */
function commitmentOf(subject: string): Commitment {
  const [startMs, endMs] = [Date.parse(window.start), Date.parse(window.end)];
  return { action: "consent", home: "ams.example", subject, grant: randomUUID(), bandwidthMbps: 0.01, startMs, endMs };
}

function decision(set: PolicySet, commitments: Commitments): Commitment {
  const commitment = commitmentOf("subject-0");
  const request = policyRequest.parse({
    ...{
      subject: "subject-0",
      groups: ["operators"],
      home: "ams.example",
      vm: { name: "web", labels: { tier: "gold" } },
    },
    ...{ from: place("ams"), to: place("san"), bandwidthMbps: 0.01, window, now: new Date().toISOString() },
    ...{ totalBandwidthMbps: commitments.totalMbps(commitment), timeZone: "Europe/Amsterdam", encryption: "tls" },
  });
  if (decide(set, request).permitted) return commitment;
  throw new Error("what should be permitted is not");
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
