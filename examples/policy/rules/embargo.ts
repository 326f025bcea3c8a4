import type { ResourceValidationPolicy } from "@pulumi/policy";
import { type SiteUnderReview, validateMove, validatePlacement } from "pulumi-turntable/policy";
import { refusedMove, refusedPlacement } from "./refusal.ts";

interface Config {
  /** The VM's label that names its embargo. */
  readonly vmLabel: string;
  /** The site's label that names its jurisdiction. */
  readonly siteLabel: string;
  /** Jurisdictions that each embargo allows. One that is not listed allows none. */
  readonly allowed: Readonly<Record<string, readonly string[]>>;
  /** Whether VMs that do not move are judged too: at their creation, and wherever they stand. */
  readonly placements: boolean;
}

const NAME = "embargo";

/** Why a VM with these labels may not be at a site; undefined if it may. */
function objection(labels: Readonly<Record<string, string>>, site: SiteUnderReview, config: Config) {
  const embargo = labels[config.vmLabel];
  if (embargo === undefined) return undefined;
  const jurisdiction = site.labels[config.siteLabel];
  const allowed = Object.hasOwn(config.allowed, embargo) ? (config.allowed[embargo] ?? []) : [];
  if (jurisdiction !== undefined && allowed.includes(jurisdiction)) return undefined;
  const where = jurisdiction === undefined ? `has no label ${config.siteLabel}` : `is in ${jurisdiction}`;
  return `${site.name} ${where}, and ${config.vmLabel} ${embargo} allows ${allowed.join(", ") || "no jurisdiction"}`;
}

/** A VM under an embargo neither moves nor is placed outside the jurisdictions that the embargo allows. */
export const embargo: ResourceValidationPolicy = {
  name: NAME,
  description: "A VM under an embargo stays in the jurisdictions that the embargo allows.",
  configSchema: {
    properties: {
      vmLabel: { type: "string", default: "embargo" },
      siteLabel: { type: "string", default: "jurisdiction" },
      allowed: {
        type: "object",
        additionalProperties: { type: "array", items: { type: "string" } },
        default: {},
      },
      placements: { type: "boolean", default: true },
    },
  },
  validateResource: [
    validateMove((move, args, reportViolation) => {
      const reason = objection(move.labels, move.to, args.getConfig<Config>());
      if (reason !== undefined) reportViolation(refusedMove(move, NAME, reason));
    }),
    validatePlacement((placement, args, reportViolation) => {
      const config = args.getConfig<Config>();
      const reason = config.placements ? objection(placement.labels, placement.site, config) : undefined;
      if (reason !== undefined) reportViolation(refusedPlacement(placement, NAME, reason));
    }),
  ],
};
