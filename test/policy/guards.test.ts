import { expect, test } from "vitest";
import { UNKNOWN } from "../../provider/resources/unknowns.ts";
import {
  type MoveUnderReview,
  type PlacementUnderReview,
  validateMove,
  validatePlacement,
} from "../../sdk/policy/index.ts";
import { handed, movingTo, standingAt } from "./reviewed.ts";

/** What both guards hand on for the same properties, and what they report by themselves. */
async function judged(args: ReturnType<typeof handed>) {
  const moves: MoveUnderReview[] = [];
  const placements: PlacementUnderReview[] = [];
  const said: string[] = [];
  await validateMove((move) => void moves.push(move))(args, (message) => said.push(message));
  await validatePlacement((placement) => void placements.push(placement))(args, (message) => said.push(message));
  return { moves, placements, said };
}

test("a move is handed on once, typed, and is no placement", async () => {
  const { moves, placements, said } = await judged(handed(await movingTo("san", { labels: { embargo: "eu" } })));
  expect(placements).toEqual([]);
  expect(said).toEqual([]);
  expect(moves).toHaveLength(1);
  const { vm, labels, from, to, path, mode, downtimeBudgetMs } = moves[0] ?? expect.fail("no move");
  expect({ vm, labels, from, to, path, mode, downtimeBudgetMs }).toEqual({
    vm: "radar",
    labels: { embargo: "eu" },
    from: { name: "ams", labels: { jurisdiction: "NL" } },
    to: { name: "san", labels: { jurisdiction: "US" } },
    path: { kind: "on-demand", bandwidthMbps: 900, encrypted: true },
    mode: "live",
    downtimeBudgetMs: 1000,
  });
});

test("a VM that does not move is a placement, handed on once, and no move", async () => {
  const { moves, placements } = await judged(handed(await standingAt("san")));
  expect(moves).toEqual([]);
  expect(placements).toHaveLength(1);
  const { vm, labels, site } = placements[0] ?? expect.fail("no placement");
  expect({ vm, labels, site }).toEqual({
    vm: "radar",
    labels: {},
    site: { name: "san", labels: { jurisdiction: "US" } },
  });
});

test("resources of other types are not looked at", async () => {
  const args = handed(await movingTo("san"), {}, "pulumi-nodejs:dynamic/turntable:Tunnel");
  expect(await judged(args)).toEqual({ moves: [], placements: [], said: [] });
});

test.each([
  [{ kind: "fixed" }, { kind: "fixed", bandwidthMbps: 1000, encrypted: true }],
  [
    { kind: "fixed", encryption: "none" },
    { kind: "fixed", bandwidthMbps: 1000, encrypted: false },
  ],
  [
    { kind: "fixed", encryption: "none", encrypted: true },
    { kind: "fixed", bandwidthMbps: 1000, encrypted: true },
  ],
  [
    { kind: "fixed", encryption: "none", encrypted: false },
    { kind: "fixed", bandwidthMbps: 1000, encrypted: false },
  ],
  [
    { kind: "nsi", bandwidthMbps: 400, encryption: "none" },
    { kind: "nsi", bandwidthMbps: 400, encrypted: false },
  ],
  [
    { kind: "oscars", bandwidthMbps: 400, maxBandwidthMbps: 900 },
    { kind: "oscars", bandwidthMbps: 900, encrypted: true },
  ],
  [
    { kind: "on-demand", bandwidthMbps: 100, maxBandwidthMbps: 900 },
    { kind: "on-demand", bandwidthMbps: 900, encrypted: true },
  ],
])("the path %j is seen as %j", async (lightpath, expected) => {
  const { moves } = await judged(handed(await movingTo("san", { lightpath })));
  expect(moves[0]?.path).toEqual(expected);
});

test("nobody can declare a path encrypted that is not theirs", async () => {
  const lightpath = { kind: "on-demand", bandwidthMbps: 900, encryption: "none", encrypted: true };
  const { moves } = await judged(handed(await movingTo("san", { lightpath })));
  expect(moves[0]?.path.encrypted).toBe(false);
});

test("what is unknown keeps nothing else from being read", async () => {
  const home = { name: "ams.example", url: UNKNOWN, certificate: UNKNOWN };
  const lightpath = { kind: "reserved", connectionId: UNKNOWN, bandwidthMbps: 900, mtu: UNKNOWN, home };
  const { moves, said } = await judged(handed(await movingTo("san", { lightpath, labels: UNKNOWN, grant: UNKNOWN })));
  const move = moves[0] ?? expect.fail("no move");
  expect(said).toEqual([]);
  expect(move.to.name).toBe("san");
  expect(move.path).toEqual({ kind: "reserved", bandwidthMbps: 900, encrypted: true });
  expect(() => move.labels).toThrow(/value at \.labels can't be known during preview/);
});

test("a rule that asks for the unknown leaves it to Pulumi to say so", async () => {
  const args = handed(await movingTo("san", { labels: UNKNOWN }));
  const said: string[] = [];
  const validation = validateMove(({ labels }) => void said.push(JSON.stringify(labels)));
  await expect(validation(args, (message) => said.push(message))).rejects.toThrow(/can't be known during preview/);
  expect(said).toEqual([]);
});

test("what cannot be understood is refused, not let through", async () => {
  const args = handed({ ...(await movingTo("san")), lightpath: { kind: "carrier-pigeon" } });
  const said: string[] = [];
  await validateMove((move) => void move.path)(args, (message) => said.push(message));
  expect(said).toEqual([expect.stringMatching(/^radar cannot be reviewed: `lightpath` is not as expected/)]);
});

test("a rule's own error is not taken for a refusal", async () => {
  const validation = validateMove(() => {
    throw new Error("broken rule");
  });
  await expect(validation(handed(await movingTo("san")), () => undefined)).rejects.toThrow("broken rule");
});
