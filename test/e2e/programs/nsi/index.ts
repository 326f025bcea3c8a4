import * as pulumi from "@pulumi/pulumi";
import { type NsiPath, Site, Tunnel, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../../../examples/turn/lab.ts";

const lab = readLab();
const config = new pulumi.Config();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[siteNamed(config.require("site"))],
  lightpath: { nsi: config.requireObject<NsiPath["nsi"]>("provider"), bandwidthMbps: 900 },
});
new Tunnel("clients", { vm, gateway: lab.gateway, address: lab.tunnel.gatewayAddress, vni: lab.tunnel.vni });

export const { site, host } = vm;
export const lastMove = vm.lastMove.apply((move) => move ?? {});
