import { Site, VmPlacement } from "pulumi-turntable";
import { readLab } from "../../../../examples/turn/lab.ts";

const { sites, vm } = readLab();

new VmPlacement("wrong-vm", {
  ...vm,
  site: new Site("right", sites.ams),
  memoryMiB: 1,
  vcpus: 0,
  network: { ...vm.network, mac: "not-a-mac" },
  lightpath: { bandwidthMbps: -5 },
});
