import type { ResourceValidationPolicy } from "@pulumi/policy";
import { validateMove } from "pulumi-turntable/policy";
import { refusedMove } from "./refusal.ts";

const NAME = "encryption";

/** Memory and disk cross no path in the clear. */
export const encryption: ResourceValidationPolicy = {
  name: NAME,
  description: "A VM moves encrypted, or over a path that encrypts.",
  validateResource: validateMove((move, _args, reportViolation) => {
    if (move.path.encrypted) return;
    const reason = `memory and disk would cross the ${move.path.kind} path in the clear. Allowed is \`encryption: "tls"\`, or a fixed path that is declared \`encrypted\``;
    reportViolation(refusedMove(move, NAME, reason));
  }),
};
