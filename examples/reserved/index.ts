import * as pulumi from "@pulumi/pulumi";
import { AuthToken, Lightpath, Site, Tunnel, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../turn/lab.ts";

const config = new pulumi.Config();
const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const between: [Site, Site] = [sites.ams, sites.san];
const window = { start: config.require("start"), end: config.require("end") };

const grant = new AuthToken("maintenance", { between, bandwidthMbps: 900, window, vm: lab.vm.name });
const lesser = config.getNumber("recastMbps");
const afterUse = lesser === undefined ? "release" : { recast: { bandwidthMbps: lesser } };
const path = new Lightpath("way", { between, bandwidthMbps: 900, window, vm: lab.vm.name, grant, afterUse });

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[siteNamed(config.require("site"))],
  lightpath: path,
});
new Tunnel("clients", { vm, gateway: lab.gateway, address: lab.tunnel.gatewayAddress, vni: lab.tunnel.vni });

export const { site, host, epoch, lastMove } = vm;
export const reservation = path.state;
export const carriesMbps = path.carriesMbps;
export const agreed = grant.domains;
