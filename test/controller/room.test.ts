import { afterAll, afterEach, beforeAll, expect, test } from "vitest";
import { buildGuest, GUEST_COMMAND_LINE } from "../../examples/lab/guest/build.ts";
import { incompatibilities } from "../../provider/controller/broker.ts";
import { hold } from "../../provider/controller/hold.ts";
import type { Move } from "../../provider/controller/move.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { type TwoSites, twoSites } from "./two-sites.ts";

let sites: TwoSites;
let image: Move["vm"]["image"];
const places: { place: Move["to"]["place"]; name: string }[] = [];

beforeAll(async () => {
  sites = await twoSites();
  const { kernel, initrd } = await buildGuest(`${sites.directory}/image`);
  image = { kernel, initrd, commandLine: GUEST_COMMAND_LINE };
}, 120_000);
afterEach(async () => {
  for (const { place, name } of places.splice(0)) await qemu.remove(place, name);
});
afterAll(async () => sites?.close());

/** A move of a VM of its own, which runs at ams with little and asks san for so much. */
async function moveOf(name: string, memoryMiB: number): Promise<Move> {
  const planned = await sites.moveOf();
  const at = (end: Move["to"]) => ({ ...end, place: { ...end.place, directory: `${end.record.storage}/${name}` } });
  const [from, to] = [at(planned.from), at(planned.to)];
  const vm = { ...planned.vm, name, image, memoryMiB };
  places.push({ place: from.place, name }, { place: to.place, name });
  await qemu.start(from.place, { ...vm, memoryMiB: 64 }, 1);
  return { ...planned, id: `move-${name}`, vm, from, to };
}

const surveyOf = (end: Move["to"]) => qemu.survey(end.host, end.record.storage, end.record.accelerator);
const noWarning = (text: string) => expect.unreachable(text);

test("of two moves that race for the last room one gets it, and the other is told why", async () => {
  const planned = await sites.moveOf();
  const most = Math.floor((await surveyOf(planned.to)).memoryAvailableMiB * 0.6);
  const [one, two] = [await moveOf("first", most), await moveOf("second", most)];
  const outcomes = await Promise.allSettled([one, two].map((move) => hold(move, qemu, () => undefined, noWarning)));
  const refusals = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(refusals).toHaveLength(1);
  expect(refusals[0]).toMatchObject({ code: "host.prerequisite-missing", retry: "safe" });
  const [winner, loser] = outcomes[0]?.status === "fulfilled" ? [one, two] : [two, one];
  const why = new RegExp(`cannot take ${loser.vm.name}: \\d+ of \\d+ MiB memory free`);
  expect(String(refusals[0])).toMatch(why);
  expect(await qemu.observe(winner.to.place)).toMatchObject({ kind: "incoming", run: "paused" });
  expect(await qemu.observe(loser.to.place)).toEqual({ kind: "absent" });
  expect(await loser.to.host.list(loser.to.place.directory)).toEqual([]);
}, 60_000);

test("what was promised counts until it has expired, even if nobody has come for it yet", async () => {
  const move = await moveOf("late", 64);
  const before = await surveyOf(move.to);
  const promise = async (heldUntilMs: number) => {
    const { vm } = move;
    const record = { schema: 1, role: "incoming", epoch: 2, generation: "g", machine: before.machine, heldUntilMs };
    const disks = [{ name: "root", sizeMiB: before.storageAvailableMiB }];
    const promised = { ...vm, memoryMiB: before.memoryMiB, vcpus: 7, disks };
    await move.to.host.writeFile(`${move.to.place.directory}/vm.json`, JSON.stringify({ ...record, vm: promised }));
    return await surveyOf(move.to);
  };
  const held = await promise(Date.now() + 60_000);
  expect(held.memoryAvailableMiB).toBeLessThanOrEqual(0);
  expect(held.vcpusSubscribed).toBe(before.vcpusSubscribed + 7);
  // Others write on this machine's disk too.
  expect(held.storageAvailableMiB).toBeLessThan(before.storageAvailableMiB / 10);
  const expired = await promise(Date.now() - 1);
  expect(expired.memoryAvailableMiB).toBeGreaterThan(0);
  expect(expired.vcpusSubscribed).toBe(before.vcpusSubscribed);
  expect(expired.storageAvailableMiB).toBeGreaterThan(before.storageAvailableMiB / 2);
}, 60_000);

test("a creation takes room as a move does", async () => {
  const planned = await sites.moveOf();
  const { memoryMiB } = await surveyOf(planned.from);
  const vm = { ...planned.vm, name: "huge", image, memoryMiB };
  const place = { ...planned.from.place, directory: `${planned.from.record.storage}/huge` };
  places.push({ place, name: "huge" });
  await expect(qemu.start(place, vm, 1)).rejects.toThrow(/cannot take huge: \d+ of \d+ MiB memory free/);
  expect(await place.host.list(place.directory)).toEqual([]);
}, 30_000);

test("a host that cannot go on with the VM is refused with every reason", async () => {
  const { from, to } = await sites.moveOf();
  const [here, there] = [
    { ...from, survey: await surveyOf(from) },
    { ...to, survey: await surveyOf(to) },
  ];
  expect(incompatibilities(here.survey.machine, here, there)).toEqual([]);
  const byKvm = { ...from.record, accelerator: "kvm" as const };
  const newer = { ...here, record: byKvm, survey: { ...here.survey, cpuFlags: ["sse2", "avx512f"] } };
  const older = {
    ...there,
    survey: { ...there.survey, version: "9.0.1", machines: ["pc-i440fx-9.0"], cpuFlags: ["sse2"] },
  };
  expect(incompatibilities("pc-i440fx-10.0", newer, older)).toEqual([
    "its QEMU 9.0.1 has no machine pc-i440fx-10.0",
    "it runs VMs by tcg and the VM runs by kvm",
    "its processors lack avx512f",
  ]);
});

test("a VM keeps the machine type that it was started with", async () => {
  const move = await moveOf("kept", 64);
  const record = await move.from.host.readFile(`${move.from.place.directory}/vm.json`);
  const older = (await surveyOf(move.from)).machines.find((name) => /^pc-i440fx-9/.test(name)) ?? "none";
  const machine = /"machine": "([^"]+)"/.exec(record ?? "")?.[1] ?? "";
  expect(await qemu.machineOf(move.from.place)).toBe(machine);
  await qemu.receive(move.to.place, move.vm, { epoch: 2, generation: "g", machine: older, onto: "nothing" });
  const { stdout } = await move.to.host.run(["pgrep", "-af", move.to.place.directory]);
  expect(stdout).toContain(`-machine ${older},`);
}, 60_000);
