import type { ResourceValidationPolicy } from "@pulumi/policy";
import { validateMove } from "pulumi-turntable/policy";
import { refusedMove } from "./refusal.ts";

const NAME = "bandwidth-cap";

/** No move takes more of the network than the cap. */
export const bandwidthCap: ResourceValidationPolicy = {
  name: NAME,
  description: "A path carries no more than the cap.",
  configSchema: {
    properties: { maxMbps: { type: "number", exclusiveMinimum: 0, default: 1_000 } },
  },
  validateResource: validateMove((move, args, reportViolation) => {
    const { maxMbps } = args.getConfig<{ maxMbps: number }>();
    const { bandwidthMbps } = move.path;
    if (bandwidthMbps <= maxMbps) return;
    reportViolation(refusedMove(move, NAME, `its path has ${bandwidthMbps} Mbit/s; allowed are ${maxMbps} Mbit/s`));
  }),
};
