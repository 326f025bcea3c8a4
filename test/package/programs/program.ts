import { readFileSync } from "node:fs";
import * as pulumi from "@pulumi/pulumi";
import { Site, VmPlacement } from "pulumi-turntable";

// What a user would write down: here the lab has.
const lab = JSON.parse(readFileSync(process.env.TURNTABLE_LAB ?? "", "utf8"));
const ams = new Site("ams", lab.sites.ams);
const san = new Site("san", lab.sites.san);

const chosen = new pulumi.Config().require("site");
const vm = new VmPlacement("traveller", {
  ...lab.vm,
  name: "traveller",
  site: chosen === "san" ? san : ams,
  lightpath: { bandwidthMbps: 900 },
});

export const site = vm.site;
export const epoch = vm.epoch;
export const lastMove = vm.lastMove.apply((move) => move ?? {});
export const modules = typeof module === "object" ? "CommonJS" : "ESM";
