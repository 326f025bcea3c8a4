import * as pulumi from "@pulumi/pulumi";
import { Site, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../../../examples/turn/lab.ts";

const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const config = new pulumi.Config();
const site = sites[siteNamed(config.require("site"))];

const vms = Array.from({ length: config.requireNumber("count") }, (_, index) => {
  const number = index + 1;
  return new VmPlacement(`many-${number}`, {
    name: `many-${number}`,
    ...{ site, image: lab.vm.image, memoryMiB: 128, vcpus: 1, disks: [{ name: "data", sizeMiB: 16 }] },
    network: {
      ...{ address: `10.1.${number}.2/24`, gateway: `10.1.${number}.1` },
      mac: `52:54:00:10:02:${number.toString(16).padStart(2, "0")}`,
    },
    lightpath: { bandwidthMbps: 900 },
  });
});

/** Where each VM runs now. */
export const places = pulumi.all(vms.map(({ site: where }) => where));
