import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { moveTo } from "../../examples/lab/demo/turn.ts";
import type { SiteName } from "../../examples/lab/layout.ts";
import type { Probe } from "../../examples/lab/probe/report.ts";
import { type StreamReport, startStream } from "../../examples/lab/probe/stream.ts";
import { owed, remains } from "./aftermath.ts";
import {
  impoverish,
  kill,
  killNearEnd,
  loseReplica,
  lowerLimit,
  type Mend,
  repair,
  silenceEcho,
  unplug,
  when,
  whenCopying,
} from "./breakage.ts";
import { type Placed, place } from "./placed.ts";
import { recordedVms } from "./recorded.ts";
import { SETTLING, type World } from "./world.ts";

let placed: Placed;
let here: World;
let stream: Probe<StreamReport>;
let site: SiteName = "ams";
const other = (): SiteName => (site === "ams" ? "san" : "ams");
const broken: Mend[] = [];

beforeAll(async () => {
  placed = await place();
  here = placed.here;
  stream = await startStream(here.inventory.namespaces.client, placed.address);
});
afterEach(async () => {
  await mend();
});
afterAll(async () => {
  await stream?.stop();
  await placed?.remove();
});

async function mend(): Promise<void> {
  for (const one of broken.splice(0).reverse()) await one();
}

/** Tries to move and breaks something meanwhile; what the CLI said. */
async function tryToMove(meanwhile: Promise<void> = Promise.resolve()): Promise<string> {
  await here.pulumi.run("config", "set", "site", other());
  const moving = here.pulumi.attempt("up", "--yes", "--skip-preview");
  // Whatever did not break as it should: no CLI is left at work under the next test.
  await meanwhile.finally(() => moving);
  const { code, output } = await moving;
  expect(code).not.toBe(0);
  return output;
}

/** Both sides as they were before the move was tried. */
async function expectTakenBack(output: string, stage: string, why: RegExp): Promise<void> {
  expect(output).toMatch(new RegExp(`turntable-vm ${site} → ${other()} failed in stage ${stage}: `));
  expect(output).toMatch(why);
  expect(output).toMatch(/Everything was taken back; the VM runs where it was/);
  expect(output).toMatch(/Then run `pulumi up` again/);
  await expectAtHome();
}

/** Nothing of the VM's is at a site. */
async function expectBare(one: SiteName): Promise<void> {
  await expect.poll(() => remains(here, one), SETTLING).toBe(placed.bare[one]);
}

async function expectAtHome(): Promise<void> {
  const { survived, holeCount } = await stream.report();
  expect({ survived, holeCount }).toEqual({ survived: true, holeCount: 0 });
  const writtenMs = performance.now();
  await placed.guest.write(7, 1);
  expect(performance.now() - writtenMs).toBeLessThan(10_000);
  await mend();
  await expectBare(other());
  expect(await owed(here)).toEqual([]);
}

/** Where the VM is according to the stack's state. */
async function recordedSite(): Promise<unknown> {
  const [vm] = await recordedVms(here.pulumi);
  return vm?.site;
}

/** The fault is gone: the same again goes through. */
async function expectMoved(): Promise<void> {
  await mend();
  const left = site;
  const move = await moveTo(here.pulumi, other());
  site = other();
  expect(move.from).toBe(left);
  await expectBare(left);
  expect(await owed(here)).toEqual([]);
  await placed.guest.check(7, 1);
  expect(await stream.report()).toMatchObject({ survived: true, holeCount: 0 });
}

test("hold: whatever lacks at the other site is listed at once, and a site that is silent is named", async () => {
  broken.push(await impoverish(here, other()));
  const output = await tryToMove();
  const { image } = here.inventory.vm;
  for (const path of [image.kernel, image.initrd]) expect(output).toContain(`${path} is not there`);
  await expectTakenBack(output, "hold", /\d+ of 1024 MiB storage free/);
  broken.push(await kill(here, `sshd-${other()}`));
  const silent = await tryToMove();
  expect(silent).toMatch(new RegExp(`whether turntable-vm is there cannot be asked of ${other()} .*reached by ssh`));
  expect(silent).toMatch(/Make the site reachable/);
  await expectAtHome();
  await expectMoved();
});

test("authorize: a domain on the way refuses, or is down", async () => {
  broken.push(await lowerLimit(here, "transit", 500));
  await expectTakenBack(
    await tryToMove(),
    "authorize",
    /transit\.example refused by its policy "limit" to .*500 Mbps at most/,
  );
  broken.push(await kill(here, "agent-transit"));
  await expectTakenBack(await tryToMove(), "authorize", /transit\.example could not be asked/);
  await expectMoved();
});

test("light: a domain dies half-way, the port's cable is gone, the far host does not answer", async () => {
  const reserved = when(here, site, ({ borrowed }) => borrowed.connection !== undefined);
  const death = reserved.then(async () => void broken.push(await kill(here, `agent-${other()}`)));
  const output = await tryToMove(death);
  const silent = `${other()}\\.example could not be asked`;
  expect(output).toMatch(
    new RegExp(`failed in stage light: ${silent} .* The VM runs where it was. Not taken back: the lightpath`),
  );
  await expectAtHome();
  broken.push(await unplug(here, other()));
  await expectTakenBack(await tryToMove(), "light", new RegExp(`${other()}\\.example`));
  broken.push(await silenceEcho(here, other()));
  await expectTakenBack(await tryToMove(), "light", /gets no answer from [\d.]+ over the path/);
  await expectMoved();
});

test("migrate: the gateway is silent, the disk's near end dies", async () => {
  broken.push(await kill(here, "sshd-gateway"));
  await expectTakenBack(await tryToMove(), "migrate", /gateway .* cannot be reached by ssh/);
  await loseReplica(here, other());
  const copying = whenCopying(here, site, "disk").then(() => killNearEnd(here, site));
  // So fast is the copy of so small a disk that the near end may only be missed when the mirror is to be ended.
  const death = /the disk copy of turntable-vm broke off|failed before the switchover: .*Input\/output error/;
  await expectTakenBack(await tryToMove(copying), "migrate", death);
  await expectMoved();
});

test("release: what a silent domain cannot take back is told, and taken back by the next up", async () => {
  const [from, to] = [site, other()];
  const steering = when(here, to, ({ stages }) => stages.some(({ stage }) => stage === "steer"));
  const death = steering.then(async () => void broken.push(await kill(here, `agent-${from}`)));
  const output = await tryToMove(death);
  expect(output).toMatch(/the VM runs at its new site, but stage release did not finish: .*could not be asked/);
  expect(output).toMatch(/Run `pulumi up` again: it finishes what is left/);
  site = to;
  expect(await recordedSite()).toBe(to);
  await expectBare(from);
  await repair(here);
  await here.pulumi.run("up", "--yes", "--skip-preview");
  expect(await owed(here)).toEqual([]);
  await expectBare(from);
  await expect.poll(() => remains(here, to), SETTLING).not.toContain("journal.json");
  expect(await stream.report()).toMatchObject({ survived: true, holeCount: 0 });
  expect(await here.pulumi.run("up", "--yes", "--skip-preview", "--expect-no-changes")).toMatch(/unchanged/);
});
