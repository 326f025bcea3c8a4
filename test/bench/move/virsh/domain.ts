import type { Inventory } from "../../../../examples/lab/inventory.ts";

export const TAP = "virsh0";
export const DISK = "/var/lib/libvirt/images/data.qcow2";

/** The lab's VM as libvirt describes one: the same kernel, memory, disk and processor, emulated too. */
export function domainXml({ name, memoryMiB, vcpus, image, network }: Inventory["vm"]): string {
  return `<domain type="qemu">
  <name>${name}</name>
  <memory unit="MiB">${memoryMiB}</memory>
  <vcpu>${vcpus}</vcpu>
  <os>
    <type arch="x86_64" machine="pc">hvm</type>
    <kernel>${image.kernel}</kernel>
    <initrd>${image.initrd}</initrd>
    <cmdline>${image.commandLine}</cmdline>
  </os>
  <features><acpi/></features>
  <cpu mode="maximum" check="none" migratable="off"/>
  <devices>
    <emulator>/usr/bin/qemu-system-x86_64</emulator>
    <disk type="file" device="disk">
      <driver name="qemu" type="qcow2" discard="unmap" detect_zeroes="unmap"/>
      <source file="${DISK}"/>
      <target dev="vda" bus="virtio"/>
    </disk>
    <interface type="ethernet">
      <mac address="${network.mac}"/>
      <target dev="${TAP}" managed="no"/>
      <model type="virtio"/>
    </interface>
    <memballoon model="none"/>
  </devices>
</domain>
`;
}
