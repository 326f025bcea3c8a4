import * as pulumi from "@pulumi/pulumi";
import { Site, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../turn/lab.ts";

const config = new pulumi.Config();
const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const bandwidthMbps = config.requireNumber("bandwidthMbps");
const encryption = config.requireBoolean("clear") ? "none" : "tls";

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[siteNamed(config.require("site"))],
  labels: { embargo: config.require("embargo") },
  lightpath: { bandwidthMbps, encryption },
});

export const { site } = vm;
