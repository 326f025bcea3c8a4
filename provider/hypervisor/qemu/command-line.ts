import { segmentOf } from "../../host/segment.ts";
import type { VmSpec } from "../vm-spec.ts";
import { files, type Layer } from "./files.ts";

/** Node name of a disk inside QEMU: what the guest sees. */
export const diskNode = (name: string): string => `disk-${name}`;
/** Node name of a lower layer of a disk. */
export const layerNode = (name: string, layer: Layer): string => `disk-${name}-${layer}`;
export const fileNode = (node: string): string => `file-${node}`;

export interface CommandLineOptions {
  readonly directory: string;
  readonly accelerator: "kvm" | "tcg";
  /** Start stopped, waiting for a migration; it runs only when told so. */
  readonly incoming: boolean;
  readonly machine: string;
  /** Of every disk, lowest first. */
  readonly layers: readonly Layer[];
}

/**
 * QEMU's arguments for a VM, the same at both ends of a move but for `incoming`.
 * `suppress-vmdesc` keeps a description that nobody reads out of the blackout; `share-rw` lets the disk's
 * NBD export and the device write at the same time: a move writes into a lower layer.
 */
export function commandLine(vm: VmSpec, options: CommandLineOptions): string[] {
  const at = files(options.directory);
  const monitor = (path: string) => ["-qmp", `unix:${path},server=on,wait=off`];
  return [
    "qemu-system-x86_64",
    ...["-name", vm.name, "-no-user-config", "-nodefaults", "-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", `${options.machine},suppress-vmdesc=on`, "-accel", options.accelerator, "-cpu", "max"],
    ...["-m", `${vm.memoryMiB}M`, "-smp", String(vm.vcpus)],
    ...["-serial", `file:${at.serial}`, "-pidfile", at.pid],
    ...monitor(at.pilotMonitor),
    ...monitor(at.observerMonitor),
    ...["-kernel", vm.image.kernel, "-initrd", vm.image.initrd, "-append", vm.image.commandLine],
    ...vm.disks.flatMap((disk) => [
      ...options.layers.flatMap((layer, height) => {
        const top = height === options.layers.length - 1;
        const below = options.layers[height - 1];
        const node = top ? diskNode(disk.name) : layerNode(disk.name, layer);
        return [
          ...["-blockdev", JSON.stringify(fileOf(node, at.disk(disk.name, layer)))],
          ...["-blockdev", JSON.stringify(qcow2Of(node, below && layerNode(disk.name, below)))],
        ];
      }),
      ...["-device", `virtio-blk-pci,drive=${diskNode(disk.name)},id=${disk.name},share-rw=on`],
    ]),
    ...["-netdev", `tap,id=net0,ifname=${segmentOf(vm.name).tap},script=no,downscript=no,vhost=off`],
    ...["-device", `virtio-net-pci,netdev=net0,id=nic0,mac=${vm.network.mac}`],
    ...(options.incoming ? ["-S", "-incoming", "defer"] : []),
  ];
}

const fileOf = (node: string, filename: string) => ({
  ...{ "node-name": fileNode(node), driver: "file", filename, discard: "unmap" },
});

const qcow2Of = (node: string, backing: string | undefined) => ({
  ...{ "node-name": node, driver: "qcow2", file: fileNode(node), discard: "unmap", "detect-zeroes": "unmap" },
  ...(backing === undefined ? {} : { backing }),
});
