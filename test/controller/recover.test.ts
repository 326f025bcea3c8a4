import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { buildGuest, GUEST_COMMAND_LINE } from "../../examples/lab/guest/build.ts";
import { Journal, readJournal } from "../../provider/controller/journal.ts";
import { knownSites } from "../../provider/controller/known-sites.ts";
import { type Move, shelfOf } from "../../provider/controller/move.ts";
import { recover } from "../../provider/controller/recover.ts";
import { runningAt, type Whereabouts, whereabouts } from "../../provider/controller/whereabouts.ts";
import { segmentOf } from "../../provider/host/segment.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { attach } from "../../provider/lightpath/attachment.ts";
import { tunnelRecord } from "../../provider/tunnel/tunnel.ts";
import { vxlan } from "../../provider/tunnel/vxlan.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

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

const look = () => whereabouts(sites.context, [sites.ams, sites.san], "tiny");

async function cleared(found: Whereabouts) {
  if (!found.home) throw new Error("the VM is nowhere");
  const home = await recover(sites.context, "tiny", { ...found, home: found.home });
  if (!home) throw new Error("the VM is not where it was found");
  return home;
}

test("all hosts are asked: who has the VM, what is left elsewhere, and who is silent", async () => {
  await qemu.receive(move.to.place, move.vm, 2);
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
  await qemu.receive(move.to.place, move.vm, 2);
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
  for (const stage of ["light", "migrate"]) await journal.note(stage, "begun");
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
  expect(await readJournal(shelfOf(move.from))).toBeUndefined();
  expect((await look()).leftovers).toEqual([]);
  expect(sites.told.join("\n")).toMatch(/removing an unfinished incoming copy of tiny at san/);
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
  await qemu.receive(move.to.place, move.vm, 2);
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
  await qemu.receive(move.to.place, move.vm, 2);
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
