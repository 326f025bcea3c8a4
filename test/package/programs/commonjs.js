const { readFileSync } = require("node:fs");
const pulumi = require("@pulumi/pulumi");
const { Site, VmPlacement } = require("pulumi-turntable");

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

exports.site = vm.site;
exports.epoch = vm.epoch;
exports.modules = typeof module === "object" ? "CommonJS" : "ESM";
