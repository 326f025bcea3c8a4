import * as pulumi from "@pulumi/pulumi";
import { AuthToken, Lightpath, Site, Tunnel, VmPlacement } from "pulumi-turntable";
import { readLab, siteNamed } from "../../../../examples/turn/lab.ts";

const config = new pulumi.Config();
const lab = readLab();
const sites = { ams: new Site("ams", lab.sites.ams), san: new Site("san", lab.sites.san) };
const between: [Site, Site] = [sites.ams, sites.san];
const from = (days: number, hours: number) =>
  new Date(Date.parse(config.require("start")) + days * 86_400_000 + hours * 3_600_000).toISOString();

const now = { between, bandwidthMbps: 900, window: { start: from(0, 0), end: from(0, 2) }, vm: lab.vm.name };
const grant = new AuthToken("now", now);
const way = new Lightpath("way", { ...now, grant, afterUse: { recast: { bandwidthMbps: 100 } } });

const later = { between, bandwidthMbps: 300, vm: "nightly" };
const nights = new AuthToken("nights", { ...later, window: { start: from(1, 0), end: from(4, 0) } });
const nightly = new Lightpath("nightly", {
  ...{ ...later, grant: nights, window: { start: from(1, 0), end: from(1, 1) } },
  recurrence: { every: "daily", times: 3, timeZone: "Etc/UTC" },
});

const vm = new VmPlacement(lab.vm.name, {
  ...lab.vm,
  site: sites[siteNamed(config.require("site"))],
  lightpath: config.require("path") === "declared" ? way : { bandwidthMbps: 60, maxBandwidthMbps: 850 },
});
new Tunnel("clients", { vm, gateway: lab.gateway, address: lab.tunnel.gatewayAddress, vni: lab.tunnel.vni });

export const { site, lastMove } = vm;
export const { state, carriesMbps, connectionId } = way;
export const times = nightly.occurrences;
