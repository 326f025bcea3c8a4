import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildGuest, GUEST_COMMAND_LINE } from "../../examples/lab/guest/build.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { knownSites } from "../../provider/controller/known-sites.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { type Prospect, recover } from "../../provider/controller/recover.ts";
import { runningAt, type Whereabouts, whereabouts } from "../../provider/controller/whereabouts.ts";
import { currentMove } from "../../provider/correlation.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import type { Arrival, Hypervisor } from "../../provider/hypervisor/hypervisor.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { attach } from "../../provider/lightpath/attachment.ts";
import { tunnelRecord } from "../../provider/tunnel/tunnel.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { isAlive } from "../breakage/processes.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

const KEEPING: Prospect = { purpose: "staying", replicas: "keep" };

let sites: TwoSites;
let move: Move;

beforeEach(async () => {
  sites = await twoSites();
  const { kernel, initrd } = await buildGuest("/tmp/turntable-test-guest");
  const planned = await sites.moveOf();
  move = {
    ...planned,
    vm: { ...planned.vm, image: { kernel, initrd, commandLine: GUEST_COMMAND_LINE }, memoryMiB: 128 },
  };
  await qemu.start(move.from.place, move.vm, 1);
}, 120_000);
afterEach(async () => {
  for (const end of move ? [move.from, move.to] : []) await qemu.remove(end.place, "tiny").catch(() => undefined);
  await sites?.close();
});

/** A move to san that has begun. */
async function begun(): Promise<void> {
  const machine = await qemu.machineOf(move.from.place);
  const arrival: Arrival = { epoch: 2, generation: "m1", machine, onto: "nothing" };
  await qemu.receive(move.to.place, move.vm, arrival);
}

/** An nbdkit as it stands beside a source while a disk is copied; resolves with its pid. */
async function copying(): Promise<number> {
  const near = `${move.from.place.directory}/near-${move.vm.disks[0]?.name}`;
  const argv = ["nbdkit", "-f", "-U", `${near}.sock`, "-P", `${near}.pid`, "null"];
  const pid = await move.from.host.launch(argv, { logFile: `${near}.log` });
  await expect.poll(() => move.from.host.readFile(`${near}.pid`)).toContain(String(pid));
  await move.from.host.remove(`${near}.log`);
  return pid;
}

const look = () => whereabouts(sites.context, [sites.ams, sites.san], "tiny");

async function cleared(found: Whereabouts) {
  if (!found.home) throw new Error("the VM is nowhere");
  const home = await recover(sites.context, "tiny", { ...found, home: found.home }, KEEPING);
  if (!home) throw new Error("the VM is not where it was found");
  return home;
}

test("all hosts are asked: who has the VM, what is left elsewhere, and who is silent", async () => {
  await begun();
  const found = await look();
  expect(found.home).toMatchObject({ end: { location: { name: "ams" } }, seen: { kind: "active", epoch: 1 } });
  expect(found.leftovers.map(({ end, seen }) => [end.location.name, seen.kind])).toEqual([["san", "incoming"]]);
  expect(runningAt(found)).toEqual(["ams"]);
  const deaf = { ...sites.context, hosts: { open: () => Promise.reject(new Error("no route")) } };
  expect(await whereabouts(deaf, [sites.san], "tiny")).toMatchObject({
    ...{ home: undefined, leftovers: [], ends: [], silent: [{ site: "san", reason: "no route" }] },
  });
});

test("a move that broke off before its switchover leaves nothing at the other site, nor of the path", async () => {
  await begun();
  const record = tunnelRecord.parse({
    ...{ name: "clients", vm: "tiny", mac: move.vm.network.mac, vni: 42, gatewayAddress: "10.1.1.1/24" },
    gateway: {
      ...{ name: "gateway", address: "127.0.0.1", hostKey: "ssh-ed25519 AAAA", storage: sites.directory },
      tunnel: { address: "203.0.113.26" },
    },
  });
  await move.to.host.writeFile(`${move.to.place.directory}/tunnels/clients.json`, JSON.stringify(record));
  await vxlan.attach(move.to.host, record, move.to.record.tunnel.address);
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from));
  await journal.alsoOn(shelfOf(move.to));
  await journal.note("migrate", "begun");
  const lit = [move.from, move.to].map(({ location, record }) => ({
    site: location.name,
    host: record.name,
    device: "lp0",
  }));
  await journal.lights(lit);
  // Another VM is on its way over the next channel.
  await sites.ip("ams", "link", "add", "lp1", "type", "veth", "peer", "name", "far1");
  await sites.ip("ams", "address", "add", "192.0.2.131/32", "dev", "lp1");
  for (const [mine, other] of [
    [move.from, move.to],
    [move.to, move.from],
  ] as const) {
    const addresses = { address: mine.record.lightpath.address, peerAddress: other.record.lightpath.address };
    await attach({
      host: mine.host,
      device: "lp0",
      ...addresses,
      mtu: 9000,
      bandwidthMbps: 200,
      initialWindowSegments: 10,
    });
  }
  const now = await cleared(await look());
  expect(now).toMatchObject({ end: { location: { name: "ams" } }, seen: { run: "running", epoch: 1 } });
  expect(await move.to.host.list(`${sites.directory}/san`)).toEqual([]);
  expect(await sites.ip("san", "-o", "link", "show")).not.toMatch(/tt[btx]-/);
  for (const site of ["ams", "san"] as const) expect(await sites.ip(site, "-o", "address", "show", "lp0")).toBe("");
  expect(await sites.ip("ams", "-o", "address", "show", "lp1")).toContain("192.0.2.131");
  expect(await readJournal(shelfOf(move.from))).toBeUndefined();
  expect((await look()).leftovers).toEqual([]);
  expect(sites.told.join("\n")).toMatch(/ending an unfinished incoming copy of tiny at san/);
});

test("the disks at a site that the VM has left become a replica, or go if none is wanted", async () => {
  for (const replicas of ["keep", "wipe"] as const) {
    await qemu.start(move.to.place, move.vm, 2);
    const generation = await qemu.generationAt(move.to.place);
    const { home, ...others } = await look();
    if (!home) throw new Error("the VM is nowhere");
    const done: string[] = [];
    const noted: Hypervisor = {
      ...qemu,
      retire: (place, ...rest) => qemu.retire(place, ...rest).finally(() => done.push(`${place.site} is retired`)),
      remove: (place, ...rest) => qemu.remove(place, ...rest).finally(() => done.push(`${place.site} is cleared`)),
    };
    const context = { ...sites.context, hypervisor: () => noted };
    expect((await recover(context, "tiny", { ...others, home }, { ...KEEPING, replicas }))?.end.location.name).toBe(
      "san",
    );
    expect(done).toEqual([...(replicas === "keep" ? ["ams is retired"] : []), "ams is cleared"]);
    const left = replicas === "keep" ? { kind: "replica", generation } : { kind: "absent" };
    expect(await qemu.observe(move.from.place)).toEqual(left);
    await qemu.remove(move.to.place, "tiny");
    await qemu.remove(move.from.place, "tiny");
    await qemu.start(move.from.place, move.vm, 1);
  }
});

test("an older copy is kept, whatever is wanted, where the VM has died", async () => {
  await qemu.start(move.to.place, move.vm, 2);
  process.kill(Number(await move.to.host.readFile(`${move.to.place.directory}/qemu.pid`)), "SIGKILL");
  await expect.poll(() => qemu.observe(move.to.place)).toMatchObject({ run: "dead" });
  const { home, ...others } = await look();
  if (!home) throw new Error("the VM is nowhere");
  const now = await recover(sites.context, "tiny", { ...others, home }, { ...KEEPING, replicas: "wipe" });
  expect(now).toMatchObject({ end: { location: { name: "san" } }, seen: { run: "dead" } });
  const generation = await qemu.generationAt(move.to.place);
  expect(await qemu.observe(move.from.place)).toEqual({ kind: "replica", generation });
});

test("a source that has died meanwhile keeps nobody from clearing up, and all that is told carries the move's id", async () => {
  await begun();
  const nearEnd = await copying();
  const journal = new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from));
  await journal.note("migrate", "begun");
  process.kill(Number(await move.from.host.readFile(`${move.from.place.directory}/qemu.pid`)), "SIGKILL");
  await expect.poll(() => qemu.observe(move.from.place)).toMatchObject({ run: "dead" });
  const told: (string | undefined)[] = [];
  const tell = () => void told.push(currentMove());
  const found = await look();
  if (!found.home) throw new Error("the VM is nowhere");
  const telling = { ...sites.context, narrator: { info: tell, warn: tell, progress: tell } };
  const now = await recover(telling, "tiny", { ...found, home: found.home }, KEEPING);
  expect(now).toMatchObject({ end: { location: { name: "ams" } }, seen: { kind: "active", run: "dead", epoch: 1 } });
  expect(await move.to.host.list(`${sites.directory}/san`)).toEqual([]);
  expect(await readJournal(shelfOf(move.from))).toBeUndefined();
  expect(new Set(told)).toEqual(new Set(["m1"]));
  expect(isAlive(nearEnd)).toBe(false);
  expect((await move.from.host.list(move.from.place.directory)).filter((name) => name.startsWith("near-"))).toEqual([]);
});

test("a VM that was left standing still, off its network, goes on connected", async () => {
  await new Journal({ move: "m1", from: "ams", to: "san", epoch: 2 }, shelfOf(move.from)).note("migrate", "begun");
  const { bridge, tap } = segmentOf("tiny");
  await sites.ip("ams", "link", "set", tap, "nomaster");
  await move.from.host.pilot(STOP, { path: `${move.from.place.directory}/qmp-pilot.sock` }).then(({ ended }) => ended);
  const found = await look();
  expect(found.home?.seen).toMatchObject({ run: "paused" });
  expect((await cleared(found)).seen).toMatchObject({ run: "running" });
  expect(await sites.ip("ams", "-o", "link", "show", "master", bridge)).toContain(tap);
});

test("where a move that broke off was going is known from its journal, and nothing is done without that site", async () => {
  const header = { move: "m1", from: "ams", to: "san", epoch: 2, locations: [sites.ams, sites.san] };
  await new Journal(header, shelfOf(move.from)).note("migrate", "begun");
  await begun();
  const known = await knownSites(sites.context, [sites.ams], "tiny");
  expect(known).toEqual([sites.ams, sites.san]);
  const blind = whereabouts(sites.context, [sites.ams], "tiny").then(cleared);
  await expect(blind).rejects.toMatchObject({
    code: "host.unreachable",
    message: expect.stringMatching(/asked of san/),
  });
  expect((await look()).leftovers).toHaveLength(1);
  expect((await whereabouts(sites.context, known, "tiny").then(cleared)).end.location.name).toBe("ams");
  expect((await look()).leftovers).toEqual([]);
});

test("a journal that cannot be read stops everything before anything is changed", async () => {
  await begun();
  await writeFile(`${move.from.place.directory}/journal.json`, "{}");
  await expect(look().then(cleared)).rejects.toMatchObject({ code: "move.failed", retry: "never" });
  expect((await look()).leftovers).toHaveLength(1);
});

const STOP = `
import json, socket, sys
monitor = socket.socket(socket.AF_UNIX)
monitor.connect(json.loads(sys.stdin.readline())["path"])
lines = monitor.makefile("rw")
lines.readline()
for command in ("qmp_capabilities", "stop"):
    lines.write(json.dumps({"execute": command}) + "\\n")
    lines.flush()
    while "return" not in json.loads(lines.readline()):
        pass
`;
