import { writeFile } from "node:fs/promises";
import { afterEach, beforeEach, expect, test } from "vitest";
import { hold } from "../../provider/controller/hold.ts";
import type { Move } from "../../provider/controller/move.ts";
import { placementInputs } from "../../provider/controller/placement.ts";
import { placeVm } from "../../provider/controller/vm-verbs.ts";
import { qemu } from "../../provider/hypervisor/qemu/qemu.ts";
import { imageIn, type TwoSites, twoSites } from "./two-sites.ts";

let sites: TwoSites;

beforeEach(async () => {
  sites = await twoSites();
});
afterEach(async () => sites?.close());

/** A move of a VM that is on record at ams. */
async function planned(): Promise<Move> {
  const move = await sites.moveOf();
  const { host, record, place } = move.from;
  const { machine } = await qemu.survey(host, record.storage, record.accelerator);
  const vm = { schema: 1, role: "active", epoch: 1, generation: "g", machine, vm: move.vm };
  await host.writeFile(`${place.directory}/vm.json`, JSON.stringify(vm));
  return move;
}

const noWarning = (text: string) => expect.unreachable(text);

test("whatever a host lacks is listed at once, and nothing is begun there", async () => {
  const move = await planned();
  const image = imageIn(sites.directory);
  await writeFile(image.kernel, "a kernel");
  const vm = { ...move.vm, memoryMiB: 1 << 24, vcpus: 64, disks: [{ name: "data", sizeMiB: 1 << 30 }] };
  let undos = 0;
  const count = () => {
    undos += 1;
  };
  const holding = hold({ ...move, vm }, qemu, count, noWarning);
  await expect(holding).rejects.toMatchObject({ code: "host.prerequisite-missing", retry: "safe" });
  await expect(holding).rejects.toThrow(
    /san .* cannot take tiny: \d+ of 16777312 MiB memory free; \d+ of 1073741824 MiB/,
  );
  await expect(holding).rejects.toThrow(/\d+ threads for 64 virtual CPUs; \/.*\/initrd is not there/);
  expect(undos).toBe(0);
  expect(await qemu.observe(move.to.place)).toEqual({ kind: "absent" });
});

test("a kernel of the same name that is another is told", async () => {
  const move = await planned();
  const image = imageIn(sites.directory);
  for (const file of [image.kernel, image.initrd]) await writeFile(file, "the same");
  // A mount namespace is part of what `ip netns exec` enters: only the far host sees it.
  await move.to.host.run(["mount", "--bind", "/etc/passwd", image.kernel]);
  const holding = hold(move, qemu, () => undefined, noWarning);
  await expect(holding).rejects.toThrow(`${image.kernel} differs from the one at ams`);
  await expect(holding).rejects.not.toThrow(`${image.initrd} `);
});

test("what was held is given back by its undo", async () => {
  const move = await planned();
  for (const file of Object.values(imageIn(sites.directory))) await writeFile(file, "the same");
  const undos: (() => Promise<void>)[] = [];
  await hold(move, qemu, (_, act) => undos.push(act), noWarning).catch(() => undefined);
  expect(undos).toHaveLength(1);
  for (const undo of undos) await undo();
  expect(await qemu.observe(move.to.place)).toEqual({ kind: "absent" });
  expect(await move.to.host.list(`${sites.directory}/san`)).toEqual([]);
  expect(await sites.ip("san", "-o", "link", "show")).not.toMatch(/ttb-|ttt-/);
});

test("a disk that somebody kept is never overwritten, by a move or by a creation", async () => {
  const move = await planned();
  for (const file of Object.values(imageIn(sites.directory))) await writeFile(file, "the same");
  const kept = `${move.to.place.directory}/data.qcow2`;
  await move.to.host.writeFile(kept, "precious");
  const undos: unknown[] = [];
  await expect(hold(move, qemu, (what) => undos.push(what), noWarning)).rejects.toThrow(
    `${move.to.place.directory} holds files that this move did not put there`,
  );
  const { to, vm } = move;
  const declared = { ...vm, site: "san", location: to.location, lightpath: { kind: "fixed" } };
  await expect(placeVm(sites.context, placementInputs.parse(declared))).rejects.toThrow(/is there already at san/);
  expect(undos).toEqual([]);
  expect(await to.host.readFile(kept)).toBe("precious");
});
