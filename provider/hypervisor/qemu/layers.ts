import type { Place } from "../hypervisor.ts";
import type { VmSpec } from "../vm-spec.ts";
import { diskFile, files, LAYERS, type Layer } from "./files.ts";

const COPY_TIMEOUT_MS = 3_600_000;
/** Subclusters of 4 KiB: what a guest writes is kept, and sent, in pieces of that size. */
const OVERLAY = "cluster_size=128k,extended_l2=on";

/** The layers that a VM's disks have at a place, lowest first; all disks have the same. */
export async function layersAt(place: Place, vm: VmSpec): Promise<readonly Layer[]> {
  const names = await place.host.list(place.directory);
  return LAYERS.filter((layer) => vm.disks.some(({ name }) => names.includes(diskFile(name, layer))));
}

/** A disk of its own, empty or made from an image. */
export async function createBase(place: Place, disk: VmSpec["disks"][number], image?: string): Promise<void> {
  const path = files(place.directory).disk(disk.name, "base");
  await place.host.remove(path);
  const size = `${disk.sizeMiB}M`;
  if (!image) return void (await place.host.run(["qemu-img", "create", "-q", "-f", "qcow2", path, size]));
  await place.host.run(["qemu-img", "convert", "-O", "qcow2", image, path], { timeoutMs: COPY_TIMEOUT_MS });
  await place.host.run(["qemu-img", "resize", "-q", path, size]);
}

/** An empty layer over another one. */
export async function createOverlay(place: Place, vm: VmSpec, layer: Layer, below: Layer): Promise<void> {
  const at = files(place.directory);
  for (const { name } of vm.disks) {
    const path = at.disk(name, layer);
    await place.host.remove(path);
    const backing = ["-F", "qcow2", "-b", at.disk(name, below)];
    await place.host.run(["qemu-img", "create", "-q", "-f", "qcow2", "-o", OVERLAY, ...backing, path]);
  }
}

/** Merges all layers of disks that nobody uses into their bases. What was merged before it broke off is merged again. */
export async function collapse(place: Place, vm: VmSpec): Promise<void> {
  const layers = await layersAt(place, vm);
  const top = layers.at(-1);
  if (top === undefined || top === "base") return;
  const at = files(place.directory);
  for (const { name } of vm.disks) {
    const commit = ["qemu-img", "commit", "-q", "-b", at.disk(name, "base"), at.disk(name, top)];
    await place.host.run(commit, { timeoutMs: COPY_TIMEOUT_MS });
  }
  for (const { name } of vm.disks) {
    for (const layer of layers) if (layer !== "base") await place.host.remove(at.disk(name, layer));
  }
}

/** See Hypervisor.allocatedBytes. */
export async function allocatedBytes(place: Place, vm: VmSpec): Promise<{ all: number; sinceGeneration: number }> {
  const layers = await layersAt(place, vm);
  const sizes = await Promise.all(layers.map((layer) => blocksOf(place, vm, layer)));
  const all = sizes.reduce((sum, bytes) => sum + bytes, 0);
  // A disk of one layer has no generation apart from what it holds now.
  return { all, sinceGeneration: layers.includes("live") ? (sizes.at(-1) ?? 0) : all };
}

async function blocksOf(place: Place, vm: VmSpec, layer: Layer): Promise<number> {
  const paths = vm.disks.map(({ name }) => files(place.directory).disk(name, layer));
  const { stdout } = await place.host.run(["stat", "-c", "%b %B", "--", ...paths]);
  const taken = stdout
    .trim()
    .split("\n")
    .map((line) => line.split(" ").map(Number));
  return taken.reduce((sum, [blocks = 0, size = 0]) => sum + blocks * size, 0);
}
