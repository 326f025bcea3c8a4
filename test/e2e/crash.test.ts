import { afterAll, beforeAll, expect, test } from "vitest";
import type { SiteName } from "../../examples/lab/layout.ts";
import { isAlive } from "../breakage/processes.ts";
import { owed, remains } from "./aftermath.ts";
import { when, whenCopying } from "./breakage.ts";
import { movesLeftovers, RunningUp, shapePath, whenCommitted, whenEnded, whenOffItsNetwork } from "./crash.ts";
import { type Placed, place } from "./placed.ts";
import { inside, SETTLING, type World } from "./world.ts";

let placed: Placed;
let here: World;
let site: SiteName = "ams";
const other = (): SiteName => (site === "ams" ? "san" : "ams");

beforeAll(async () => {
  placed = await place();
  here = placed.here;
});
afterAll(async () => await placed?.remove());

const begun = (stage: string, at: SiteName = site) =>
  when(here, at, ({ stages }) => stages.some((entry) => entry.stage === stage));

/** Moments of a move, each with what tells that it has come. */
const MOMENTS = {
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
type Moment = keyof typeof MOMENTS;

const CHOSEN: readonly Moment[] = ["a path asked for", "memory copy", "commit"];
const all = Object.keys(MOMENTS).filter((name): name is Moment => name in MOMENTS);
const moments = process.env.TURNTABLE_CRASH === "all" ? all : CHOSEN;

/** A move to the other site whose CLI is to be killed. */
async function doomedMove(moment: Moment): Promise<RunningUp> {
  // More than a replica has: something is to be copied.
  await placed.guest.write(7, 16);
  await here.pulumi.run("config", "set", "site", other());
  const up = new RunningUp(here);
  await MOMENTS[moment]();
  return up;
}

/** The same command again. */
async function finish(): Promise<void> {
  await here.pulumi.attempt("cancel", "--yes");
  await here.pulumi.run("up", "--yes", "--skip-preview");
  await expectMoved();
}

/** The VM is at the other site, alone, whole and connected, and nothing is left of the move. */
async function expectMoved(): Promise<void> {
  const left = site;
  site = other();
  await inside(here.inventory.namespaces.client, "ping", "-c", "3", "-W", "5", placed.address);
  await placed.guest.verify();
  await placed.guest.check(7, 16);
  await expect.poll(() => remains(here, left), SETTLING).toBe(placed.bare[left]);
  await expect.poll(() => movesLeftovers(here, site), SETTLING).toEqual([]);
  expect(await owed(here)).toEqual([]);
}

test.each(moments)("pulumi and provider killed at: %s. The next up finishes, and nothing is left", async (moment) => {
  const up = await doomedMove(moment);
  await up.killAll();
  await finish();
});

test("pulumi alone killed in the memory copy: its provider goes on, and the next up waits and says for whom", async () => {
  const killed = await doomedMove("memory copy");
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
  const up = await doomedMove(moment);
  const provider = await up.killPulumi();
  await finish();
  await whenEnded(provider);
  up.endOrphans();
});

test("afterwards the stack's state is what is true", async () => {
  expect(await here.pulumi.run("refresh", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
  expect(await here.pulumi.run("up", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
});
