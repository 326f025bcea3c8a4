import { afterAll, beforeAll, expect, test } from "vitest";
import type { SiteName } from "../../examples/lab/layout.ts";
import type { Probe } from "../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../examples/lab/probe/stream.ts";
import { isAlive } from "../breakage/processes.ts";
import { type Reached, reach } from "../matrix/moments.ts";
import { type Mend, nothingToMend } from "../matrix/scene.ts";
import { owed, remains } from "./aftermath.ts";
import { when, whenCopying } from "./breakage.ts";
import { movesLeftovers, RunningUp, shapePath, whenCommitted, whenEnded, whenOffItsNetwork } from "./crash.ts";
import { type Placed, place } from "./placed.ts";
import { inside, SETTLING, type World } from "./world.ts";

let placed: Placed;
let here: World;
let stream: Probe<StreamReport>;
let site: SiteName = "ams";
const other = (): SiteName => (site === "ams" ? "san" : "ams");

beforeAll(async () => {
  placed = await place();
  here = placed.here;
  // Whether the guest runs is told by what it sends.
  stream = await startStream(here.inventory.namespaces.client, placed.address);
});
afterAll(async () => {
  await stream?.stop();
  await placed?.remove();
});

const begun = (stage: string, at: SiteName = site) =>
  when(here, at, ({ stages }) => stages.some((entry) => entry.stage === stage));

/** Moments that a move passes, each with what tells that it has come. */
const PASSED = {
  hold: () => begun("hold"),
  authorize: () => begun("authorize"),
  "a path asked for": () => begun("light"),
  "a path lit": () => when(here, site, ({ borrowed }) => borrowed.connection !== undefined),
  migrate: () => begun("migrate"),
  "disk copy": () => whenCopying(here, site, "disk"),
  "memory copy": () => whenCopying(here, site, "memory"),
  switchover: () => whenOffItsNetwork(here, site),
  commit: () => whenCommitted(here, other()),
  steer: () => begun("steer", other()),
  release: () => begun("release", other()),
} as const;
/** Steps of the switchover that are over too soon to be met: the move is held at them until it was killed. */
const HELD = ["before continue", "after continue", "after RESUME"] as const;
type Moment = keyof typeof PASSED | (typeof HELD)[number];
const isHeld = (moment: Moment): moment is (typeof HELD)[number] => HELD.some((one) => one === moment);

/** A controller killed in the memory's copy is among the named cells of the fault matrix. */
const CHOSEN: readonly Moment[] = ["a path asked for", "commit"];
const passed = Object.keys(PASSED).filter((name): name is keyof typeof PASSED => name in PASSED);
const all: readonly Moment[] = [...passed, ...HELD];
const moments = process.env.TURNTABLE_CRASH === "all" ? all : CHOSEN;

/** A move to the other site whose CLI is to be killed, and what then lets go of all that is held. */
async function doomedMove(moment: Moment): Promise<{ readonly up: RunningUp; readonly goOn: Mend }> {
  // More than a replica has: something is to be copied.
  await placed.guest.write(7, 16);
  await here.pulumi.run("config", "set", "site", other());
  const up = new RunningUp(here);
  return { up, goOn: await whenAt(moment, up) };
}

async function whenAt(moment: Moment, up: RunningUp): Promise<Mend> {
  if (isHeld(moment)) return await reach(moment, sceneOf(up), undefined);
  await PASSED[moment]();
  return nothingToMend;
}

const sceneOf = (up: RunningUp): Reached => ({
  ...{ here, from: site, to: other() },
  up: {
    get controller() {
      return up.provider();
    },
  },
});

/** The same command again. */
async function finish(): Promise<void> {
  await here.pulumi.attempt("cancel", "--yes");
  await here.pulumi.run("up", "--yes", "--skip-preview");
  await expectMoved();
}

/** A pilot whose gateway's helper went with the controller calls it for up to 30 s. */
const LEAVING = { timeout: 45_000, interval: 500 };

/** A stream that was held up goes on when TCP tries again, after as long once more. */
const RETRYING = { timeout: 60_000, interval: 500 };

/** The VM is at the other site, alone, whole and connected, and nothing is left of the move. */
async function expectMoved(): Promise<void> {
  const left = site;
  site = other();
  await inside(here.inventory.namespaces.client, "ping", "-c", "3", "-W", "5", placed.address);
  await expect.poll(() => stream.report(), RETRYING).toMatchObject({ survived: true, holeCount: 0 });
  await placed.guest.verify();
  await placed.guest.check(7, 16);
  await expect.poll(() => remains(here, left), SETTLING).toBe(placed.bare[left]);
  await expect.poll(() => movesLeftovers(here, site), LEAVING).toEqual([]);
  expect(await owed(here)).toEqual([]);
}

test.each(moments)("pulumi and provider killed at: %s. The next up finishes, and nothing is left", async (moment) => {
  const { up, goOn } = await doomedMove(moment);
  await up.killAll().finally(goOn);
  await finish();
});

test("pulumi alone killed in the memory copy: its provider goes on, and the next up waits and says for whom", async () => {
  const { up: killed } = await doomedMove("memory copy");
  // The copy goes on for as long as the path is so slow.
  await shapePath(here, site, 40);
  const provider = await killed.killPulumi();
  await here.pulumi.attempt("cancel", "--yes");
  const next = new RunningUp(here);
  const whom = `waiting for pulumi of \\w+@\\S+ \\(pid ${provider}\\), which moves ${site} → ${other()} since`;
  await expect.poll(() => next.output, { timeout: 90_000 }).toMatch(new RegExp(`turntable-vm: ${whom}`));
  expect(isAlive(provider)).toBe(true);
  await shapePath(here, site, 800);
  expect(await next.end()).toBe(0);
  expect(next.output).toMatch(/turntable-vm: waited \d+ s for pulumi of/);
  await expectMoved();
  await whenEnded(provider);
  killed.endOrphans();
});

test.each(process.env.TURNTABLE_CRASH === "all" ? all : [])("pulumi alone killed at: %s", async (moment) => {
  const { up, goOn } = await doomedMove(moment);
  const provider = await up.killPulumi().finally(goOn);
  await finish();
  await whenEnded(provider);
  up.endOrphans();
});

test("afterwards the stack's state is what is true", async () => {
  expect(await here.pulumi.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
  expect(await here.pulumi.run("up", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
});
