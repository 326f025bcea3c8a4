import * as pulumi from "@pulumi/pulumi";
import { Site, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../turn/lab.ts";

const config = new pulumi.Config();
const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const bandwidthMbps = config.requireNumber("bandwidthMbps");

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[siteNamed(config.require("site"))],
  labels: { embargo: config.require("embargo") },
  lightpath: config.requireBoolean("vpn") ? { fixed: true, encrypted: true, bandwidthMbps } : { bandwidthMbps },
});

export const { site } = vm;
