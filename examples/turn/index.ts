import * as pulumi from "@pulumi/pulumi";
import { Site, Tunnel, VmPlacement } from "pulumi-turntable";
import { encryptionNamed, modeNamed, readLab, siteNamed } from "./lab.ts";

const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const config = new pulumi.Config();
const chosen = siteNamed(config.require("site"));

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[chosen],
  mode: modeNamed(config.require("mode")),
  lightpath: { bandwidthMbps: 900, encryption: encryptionNamed(config.require("encryption")) },
});
new Tunnel("clients", { vm, gateway: lab.gateway, address: lab.tunnel.gatewayAddress, vni: lab.tunnel.vni });

export const { site, host, epoch } = vm;
export const lastMove = vm.lastMove.apply((move) => move ?? {});
