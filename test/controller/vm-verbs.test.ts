import { afterEach, beforeEach, expect, test } from "vitest";
import { buildGuest, GUEST_COMMAND_LINE } from "../../examples/lab/guest/build.ts";
import type { Context } from "../../provider/context.ts";
import { Journal } from "../../provider/controller/journal.ts";
import { endAt, shelfOf } from "../../provider/controller/move.ts";
import {
  type MoveRecord,
  moveRecord,
  type PlacementInputs,
  type PlacementState,
  placementInputs,
  vmOf,
} from "../../provider/controller/placement.ts";
import { placeVm, relocateVm, removeVm } from "../../provider/controller/vm-verbs.ts";
import { currentMove, moveThatFailed } from "../../provider/correlation.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { PartialFailure } from "../../provider/resource.ts";
import { tunnelRecord } from "../../provider/tunnel/tunnel.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let sites: TwoSites;
let image: PlacementInputs["image"];
let placed: PlacementState;
/** The move in which each line was told. */
let told: { line: string; move: string | undefined }[];

beforeEach(async () => {
  const { kernel, initrd } = await buildGuest("/tmp/turntable-test-guest");
  image = { kernel, initrd, commandLine: GUEST_COMMAND_LINE };
  told = [];
  const tell = (line: string) => void told.push({ line, move: currentMove() });
  sites = await twoSites({ narrator: { info: tell, warn: tell, progress: tell } });
  placed = await placeVm(sites.context, inputsAt("ams"));
}, 120_000);
afterEach(async () => {
  const locations = { ams: sites.ams, san: sites.san };
  if (placed) await removeVm(sites.context, { ...placed, locations }).catch(() => undefined);
  await sites?.close();
});

function inputsAt(site: "ams" | "san"): PlacementInputs {
  return placementInputs.parse({
    ...{ name: "tiny", image, memoryMiB: 128, disks: [{ name: "data", sizeMiB: 8 }] },
    network: { address: "10.1.1.2/24", gateway: "10.1.1.1", mac: "52:54:00:10:01:02" },
    ...{ site, location: sites[site] },
    lightpath: { kind: "fixed", bandwidthMbps: 200, mtu: 9000, rttMs: 1 },
  });
}

test("nobody is led to a VM any more that is removed after a move of its broke off", async () => {
  const end = await endOf("ams");
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(end));
  await journal.note("migrate", "begun");
  // A tunnel's record travels with the VM; its gateway is asked by nobody here.
  const tunnel = tunnelRecord.parse({
    ...{ name: "clients", vm: "tiny", mac: "52:54:00:10:01:02", vni: 42, gatewayAddress: "10.1.1.1/24" },
    gateway: {
      ...{ name: "gateway", address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA", storage: sites.directory },
      tunnel: { address: "203.0.113.26" },
    },
  });
  await end.host.writeFile(`${end.place.directory}/tunnels/clients.json`, JSON.stringify(tunnel));
  await removeVm(sites.context, { ...placed, locations: { ams: sites.ams, san: sites.san } });
  expect(await seenAt("ams")).toEqual({ kind: "absent" });
  expect(await sites.ip("ams", "-o", "link", "show")).not.toMatch(/tt[btx]-/);
}, 60_000);

const endOf = (site: "ams" | "san") => endAt(sites.context, sites[site], first(sites[site].hosts), "tiny");

async function killAt(site: "ams" | "san"): Promise<void> {
  const { place } = await endOf(site);
  process.kill(Number(await place.host.readFile(`${place.directory}/qemu.pid`)), "SIGKILL");
  await expect.poll(() => qemu.observe(place)).toMatchObject({ run: "dead" });
}

const seenAt = async (site: "ams" | "san") => await qemu.observe((await endOf(site)).place);

function first<T>([one]: readonly T[]): T {
  if (one !== undefined) return one;
  throw new Error("there is none");
}

test("at the site where it is already, a VM is recorded as it is seen", async () => {
  expect(placed).toMatchObject({ site: "ams", state: "running", epoch: 1 });
  await killAt("ams");
  const changed = { ...inputsAt("ams"), downtimeBudgetMs: 500 };
  expect(await relocateVm(sites.context, "tiny-0", placed, changed)).toMatchObject({ state: "stopped", epoch: 1 });
}, 60_000);

test("of a VM that has died while a move was unfinished nothing stays at either site once it is removed", async () => {
  await qemu.start((await endOf("san")).place, vmOf(inputsAt("san")), 2);
  await killAt("san");
  await removeVm(sites.context, { ...placed, locations: { ams: sites.ams, san: sites.san } });
  for (const site of ["ams", "san"] as const) expect(await seenAt(site)).toEqual({ kind: "absent" });
}, 60_000);

test("all that is told of a move carries its id, to its summary; the disks left behind stay, or go if that is wanted", async () => {
  const moved = await relocateVm(sites.context, "tiny-0", placed, inputsAt("san"));
  expect(moved).toMatchObject({ site: "san", state: "running", epoch: 2, lastMove: { from: "ams", to: "san" } });
  expect(told.at(-1)?.line).toMatch(/^tiny moved ams → san: away for \d+ ms/);
  const [id] = told.map(({ move }) => move);
  expect(id).toMatch(/^[0-9a-f-]{36}$/);
  expect(told.filter(({ move }) => move !== id)).toEqual([]);
  expect(await seenAt("ams")).toEqual({ kind: "replica", generation: id });
  const wiping = { ...inputsAt("ams"), replicas: "wipe" as const };
  expect(await relocateVm(sites.context, "tiny-0", moved, wiping)).toMatchObject({ site: "ams", epoch: 3 });
  expect(await seenAt("san")).toEqual({ kind: "absent" });
}, 120_000);

test("a VM that is suspended for its move is held to no budget, and lines and record tell it", async () => {
  const tight = { ...inputsAt("san"), downtimeBudgetMs: 1 };
  await expect(relocateVm(sites.context, "tiny-0", placed, tight)).rejects.toThrow(/its budget is 1 ms/);
  const moved = await relocateVm(sites.context, "tiny-0", placed, { ...tight, mode: "suspended" });
  expect(moved).toMatchObject({ site: "san", state: "running", epoch: 2, mode: "suspended" });
  expect(moved.lastMove).toMatchObject({ mode: "suspended", timelineMs: { "source STOP": 0 } });
  expect(moved.lastMove?.timelineMs["source MIGRATION pre-switchover"]).toBeLessThan(moved.lastMove?.blackoutMs ?? 0);
  const lines = told.map(({ line }) => line).join("\n");
  expect(lines).toMatch(/ migrate: disk, then memory while the VM is suspended, and the switchover/);
  expect(lines).toMatch(/tiny moved ams → san, suspended: away for \d+ ms/);
}, 120_000);

test("a move that could not finish keeps its record, and its failure is known by its id", async () => {
  const stubborn: Context = {
    ...sites.context,
    hypervisor: () => ({ ...qemu, retire: async () => Promise.reject(new Error("the copy does not go")) }),
  };
  const failure = await relocateVm(stubborn, "tiny-0", placed, inputsAt("san")).then(
    () => expect.unreachable("it finished"),
    (thrown: unknown) => thrown,
  );
  if (!(failure instanceof PartialFailure)) throw failure;
  expect(failure.message).toMatch(
    /the VM runs at its new site, but stage release did not finish: the copy does not go/,
  );
  expect(moveThatFailed(failure)).toBe(told[0]?.move);
  const { lastMove, ...rest } = failure.properties;
  expect(rest).toMatchObject({ site: "san", epoch: 2, state: "running" });
  const record: MoveRecord = moveRecord.parse(lastMove);
  expect(record).toMatchObject({ from: "ams", to: "san", epoch: 2, path: { hops: [], bandwidthMbps: 200 } });
  expect(record.blackoutMs).toBeGreaterThan(0);
  expect(record.memoryBytes).toBeGreaterThan(1e6);
  expect(Object.keys(record.stages)).toEqual(["hold", "authorize", "light", "migrate", "steer"]);
  const again = { ...placed, ...rest, locations: { ams: sites.ams, san: sites.san }, lastMove: record };
  const finished = await relocateVm(sites.context, "tiny-0", again, inputsAt("san"));
  expect(finished).toMatchObject({ site: "san", state: "running", epoch: 2, lastMove: record });
}, 120_000);
