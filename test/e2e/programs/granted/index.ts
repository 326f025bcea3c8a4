import * as pulumi from "@pulumi/pulumi";
import { AuthToken, Site, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../../../examples/turn/lab.ts";

const lab = readLab();
const config = new pulumi.Config();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const name = "granted";

const grant = new AuthToken("ahead", {
  between: [sites.ams, sites.san],
  ...{ bandwidthMbps: 100, window: { start: config.require("start"), end: config.require("end") }, vm: name },
});

const vm = new VmPlacement(name, {
  name,
  ...{ site: sites[siteNamed(config.require("site"))], image: lab.vm.image, memoryMiB: 128, vcpus: 1 },
  disks: [{ name: "data", sizeMiB: 16 }],
  network: { address: "10.1.9.2/24", gateway: "10.1.9.1", mac: "52:54:00:10:09:01" },
  ...{ grant, lightpath: { bandwidthMbps: config.requireNumber("bandwidthMbps") } },
});

export const where = vm.site;
