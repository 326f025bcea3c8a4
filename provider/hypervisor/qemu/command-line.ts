import { segmentOf } from "../../host/segment.ts";
import type { VmSpec } from "../vm-spec.ts";
import { files } from "./files.ts";

/** Node name of a disk inside QEMU. */
export const diskNode = (name: string): string => `disk-${name}`;

export interface CommandLineOptions {
  readonly directory: string;
  readonly accelerator: "kvm" | "tcg";
  /** Start stopped, waiting for a migration; it runs only when told so. */
  readonly incoming: boolean;
}

/**
 * QEMU's arguments for a VM, the same at both ends of a move but for `incoming`.
 * `suppress-vmdesc` keeps a description that nobody reads out of the blackout; `share-rw` lets the disk's
 * NBD export and the device hold the same node.
 */
export function commandLine(vm: VmSpec, options: CommandLineOptions): string[] {
  const at = files(options.directory);
  const monitor = (path: string) => ["-qmp", `unix:${path},server=on,wait=off`];
  return [
    "qemu-system-x86_64",
    ...["-name", vm.name, "-no-user-config", "-nodefaults", "-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", "pc,suppress-vmdesc=on", "-accel", options.accelerator, "-cpu", "max"],
    ...["-m", `${vm.memoryMiB}M`, "-smp", String(vm.vcpus)],
    ...["-serial", `file:${at.serial}`, "-pidfile", at.pid],
    ...monitor(at.pilotMonitor),
    ...monitor(at.guardianMonitor),
    ...monitor(at.observerMonitor),
    ...["-kernel", vm.image.kernel, "-initrd", vm.image.initrd, "-append", vm.image.commandLine],
    ...vm.disks.flatMap((disk) => [
      ...["-blockdev", JSON.stringify(fileNode(disk.name, at.disk(disk.name)))],
      ...["-blockdev", JSON.stringify(qcow2Node(disk.name))],
      ...["-device", `virtio-blk-pci,drive=${diskNode(disk.name)},id=${disk.name},share-rw=on`],
    ]),
    ...["-netdev", `tap,id=net0,ifname=${segmentOf(vm.name).tap},script=no,downscript=no,vhost=off`],
    ...["-device", `virtio-net-pci,netdev=net0,id=nic0,mac=${vm.network.mac}`],
    ...(options.incoming ? ["-S", "-incoming", "defer"] : []),
  ];
}

const fileNode = (name: string, filename: string) => ({
  "node-name": `file-${name}`,
  driver: "file",
  filename,
  discard: "unmap",
});

const qcow2Node = (name: string) => ({
  "node-name": diskNode(name),
  driver: "qcow2",
  file: `file-${name}`,
  discard: "unmap",
  "detect-zeroes": "unmap",
});
