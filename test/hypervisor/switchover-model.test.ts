import { expect, test } from "vitest";
import { search } from "./model-checker.ts";

const PATIENCE_MS = 240_000;

test(
  "with two faults of any kind, and controllers that come after, no property is broken and the client is served",
  async () => {
    const verdict = await search("states", "FAULTS=2");
    expect(verdict).toMatchObject({ errors: 0, broken: undefined, complete: true });
    expect(verdict.states).toBeGreaterThan(100_000);
    // What cannot happen in the model proves nothing.
    expect(verdict.whollyReached).toContain("SourcePilotThenGuardian");
  },
  PATIENCE_MS,
);

test(
  "with four faults and no controller ever again, no property is broken and some site runs the VM",
  async () => {
    const verdict = await search("states", "FAULTS=4", "PILOTS_ALONE");
    expect(verdict).toMatchObject({ errors: 0, broken: undefined, complete: true });
    expect(verdict.states).toBeGreaterThan(100_000);
  },
  PATIENCE_MS,
);

test.each([
  { faults: "FAULTS=2", alone: [] },
  { faults: "FAULTS=3", alone: ["PILOTS_ALONE"] },
])(
  "nor of a VM that is suspended for the copy of its memory, with $faults $alone",
  async ({ faults, alone }) => {
    const verdict = await search("states", faults, "SUSPEND", ...alone);
    expect(verdict).toMatchObject({ errors: 0, broken: undefined, complete: true });
    expect(verdict.states).toBeGreaterThan(100_000);
  },
  PATIENCE_MS,
);

test(
  "a guest that is suspended when its migration begins never strays: its replica is clean by itself",
  async () => {
    const verdict = await search("states", "FAULTS=3", "SUSPEND", "PILOTS_ALONE", "NO_DIGEST");
    expect(verdict).toMatchObject({ errors: 0, complete: true });
  },
  PATIENCE_MS,
);

test(
  "every run comes to rest",
  async () => {
    expect(await search("cycles", "FAULTS=2")).toMatchObject({ errors: 0, broken: undefined, complete: true });
  },
  PATIENCE_MS,
);

test(
  "every run comes to rest without a controller",
  async () => {
    const verdict = await search("cycles", "FAULTS=3", "PILOTS_ALONE");
    expect(verdict).toMatchObject({ errors: 0, broken: undefined, complete: true });
  },
  PATIENCE_MS,
);

test(
  "every run of a suspended VM comes to rest",
  async () => {
    const verdict = await search("cycles", "FAULTS=2", "PILOTS_ALONE", "SUSPEND");
    expect(verdict).toMatchObject({ errors: 0, broken: undefined, complete: true });
  },
  PATIENCE_MS,
);

test(
  "where answers may be lost for ever, a run may never come to rest",
  async () => {
    const verdict = await search("cycles", "FAULTS=0", "PILOTS_ALONE", "ANSWERS_LOST_FOR_EVER");
    expect(verdict).toMatchObject({ errors: 1, broken: "non-progress cycle" });
  },
  PATIENCE_MS,
);

/** A rule taken away, and the property that is broken without it. */
const MUTATIONS = [
  { without: "NO_FENCE", broken: "oneRunner" },
  { without: "MARK_AFTER_CONTINUE", broken: "oneRunner" },
  { without: "NO_DIGEST", broken: "cleanReplica" },
  { without: "NO_LOCK", broken: "commitIsFinal" },
  { without: "CONT_BEFORE_RECORD", broken: "nothingBeforeCommit" },
  { without: "RELEASE_ON_COMPLETED", broken: "nothingBeforeCommit" },
  { without: "BLIND_COMMIT", broken: "someSiteRuns" },
  { without: "CLEAR_AWAY_EARLY", broken: "someSiteRuns" },
  { without: "KEEPER_ONLY_ANSWERS", broken: "someSiteRuns", alone: ["PILOTS_ALONE"] },
  { without: "GATEWAY_ACCEPTS_OLD", broken: "clientsReachIt" },
  { without: "RELY_ON_QEMU", broken: "someSiteRuns", alone: ["SUSPEND", "PILOTS_ALONE"] },
];

test.each(MUTATIONS)(
  "$without breaks $broken",
  async ({ without, broken, alone = [] }) => {
    expect(await search("states", "FAULTS=2", without, ...alone)).toMatchObject({ errors: 1, broken });
  },
  PATIENCE_MS,
);
