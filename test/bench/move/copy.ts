import { createCipheriv, randomBytes } from "node:crypto";
import { existsSync } from "node:fs";
import { open, rm } from "node:fs/promises";
import { run } from "../../../examples/lab/command.ts";
import { moveTo } from "../../../examples/lab/demo/turn.ts";
import { watchBytes } from "../../../examples/lab/probe/bytes.ts";
import { GuestControl } from "../../../examples/lab/probe/guest-control.ts";
import type { BenchLab } from "./lab.ts";
import { overPath } from "./path.ts";
import { busyBefore, steadyRateMBps } from "./rate.ts";
import type { CopySample } from "./samples.ts";
import { measureProxied } from "./stream/proxied.ts";
import { measureStream } from "./stream/stream.ts";
import type { Variant } from "./variants.ts";

/** At a gigabit each takes more than twice the three seconds after which a rate counts. */
const NOISE_MIB = { memory: 900, disk: 1_024 };
const MEMORY_MIB = 1_100;
const BOOT_SECONDS = 180;

/**
 * One TCP stream over the path, and one through what a disk and what memory go through; then a large idle VM's move over
 * the same path: how fast its disk and its memory went.
 */
export async function measureCopy(bench: BenchLab, variant: Extract<Variant, { kind: "copy" }>): Promise<CopySample> {
  const namespace = bench.inventory.namespaces.ams;
  const streams = await overPath(bench.inventory, async (path) => ({
    streamMBps: await measureStream(path, namespace),
    ...(await measureProxied(path, namespace, bench.lab.path("stream"), variant)),
  }));
  const { inventory, pulumi } = await bench.changed({ vm: await largeVm(bench) });
  await pulumi.run("config", "set", "encryption", variant.encryption);
  await pulumi.run("config", "set", "site", "ams");
  await pulumi.run("up", "--yes", "--skip-preview");
  const copied = await copyRates(inventory, pulumi);
  await pulumi.run("destroy", "--yes", "--skip-preview");
  return { kind: "copy", variant: variant.id, ...copied, ...streams };
}

async function copyRates(
  { namespaces, vm }: BenchLab["inventory"],
  pulumi: BenchLab["pulumi"],
): Promise<Pick<CopySample, "diskMBps" | "memoryMBps">> {
  const meter = await watchBytes(namespaces.ams, "lp");
  try {
    const guest = await GuestControl.connect(namespaces.client, vm.network.address.split("/")[0] ?? "", BOOT_SECONDS);
    await guest.close();
    const { stopAtMs, timelineMs, iterations } = await moveTo(pulumi, "san");
    const [began, firstPassMs] = [timelineMs["source MIGRATION active"], iterations?.[1]?.atMs];
    if (stopAtMs === undefined || began === undefined || firstPassMs === undefined) {
      throw new Error("the move's record does not tell when its memory was copied");
    }
    const { notes } = await meter.report();
    const memoryAtMs = stopAtMs + began;
    const disk = busyBefore(notes, memoryAtMs);
    return {
      diskMBps: steadyRateMBps(notes, disk.fromMs, disk.toMs),
      memoryMBps: steadyRateMBps(notes, memoryAtMs, memoryAtMs + firstPassMs),
    };
  } finally {
    await meter.stop();
  }
}

/** The lab's VM with more memory, filled, and a second disk of noise. */
async function largeVm({ lab, inventory: { vm } }: BenchLab): Promise<BenchLab["inventory"]["vm"]> {
  const image = lab.path("images", "noise.qcow2");
  if (!existsSync(image)) await makeNoise(image);
  return {
    ...vm,
    memoryMiB: MEMORY_MIB,
    image: { ...vm.image, commandLine: `${vm.image.commandLine} MB=${NOISE_MIB.memory}` },
    disks: [...vm.disks, { name: "noise", sizeMiB: NOISE_MIB.disk, image }],
  };
}

async function makeNoise(image: string): Promise<void> {
  const raw = `${image}.raw`;
  const file = await open(raw, "w");
  const cipher = createCipheriv("aes-256-ctr", randomBytes(32), randomBytes(16));
  const zeroes = Buffer.alloc(1 << 20);
  for (let mebibyte = 0; mebibyte < NOISE_MIB.disk; mebibyte++) await file.write(cipher.update(zeroes));
  await file.close();
  await run(["qemu-img", "convert", "-f", "raw", "-O", "qcow2", raw, image]);
  await rm(raw);
}
