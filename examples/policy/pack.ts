import { PolicyPack } from "@pulumi/policy";
import { bandwidthCap } from "./rules/bandwidth-cap.ts";
import { embargo } from "./rules/embargo.ts";
import { encryption } from "./rules/encryption.ts";
import { hours } from "./rules/hours.ts";

new PolicyPack("turntable", {
  enforcementLevel: "mandatory",
  policies: [embargo, encryption, bandwidthCap, hours],
});
