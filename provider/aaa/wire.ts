import { z } from "zod";

/** From–until, ISO 8601 in UTC. */
export const timeWindow = z
  .strictObject({ start: z.iso.datetime(), end: z.iso.datetime() })
  .refine((w) => Date.parse(w.start) < Date.parse(w.end), "must start before it ends");

/** Free facts for policies. */
export const labels = z
  .record(z.string().max(256), z.string().max(1_024))
  .refine((all) => Object.keys(all).length <= 64, "must be 64 labels at most");

/** What a move sends memory and disk in. */
export const encryption = z.enum(["tls", "none"]);

const names = z.array(z.string().min(1).max(256)).max(16);

/** What a way must keep to. Domains, links and risk groups are named as topologies name them. */
export const pathConstraints = z.strictObject({
  /** One way, over all links. */
  maxDelayMs: z.number().positive().optional(),
  /** On the way, in any order. */
  includeDomains: names.optional(),
  avoidDomains: names.optional(),
  avoidLinks: names.optional(),
  avoidRiskGroups: names.optional(),
});

/** What a grant covers: a pair of STPs, a rate, a time and one VM; and what the domains' policies may look at beside that. */
export const grantRequest = z.strictObject({
  between: z.tuple([z.string(), z.string()]),
  /** The one of them at which travel begins; absent: it may go either way. */
  from: z.string().optional(),
  bandwidthMbps: z.number().positive(),
  window: timeWindow,
  vm: z.string().min(1),
  /** The VM's. */
  labels: labels.optional(),
  /** The sites', in the order of `between`. */
  siteLabels: z.tuple([labels, labels]).optional(),
  encryption: encryption.optional(),
  purpose: z.string().min(1).max(256).optional(),
  /** Of the way over which the grant goes. What is reserved under it keeps to its own. */
  constraints: pathConstraints.optional(),
});

/** What domains' policies are told of a VM and of the two sites; its purpose is its label of that name. */
export function factsFor(
  vmLabels: z.output<typeof labels>,
  siteLabels: [z.output<typeof labels>, z.output<typeof labels>],
): Pick<z.output<typeof grantRequest>, "labels" | "siteLabels" | "purpose"> {
  const { purpose } = vmLabels;
  return { labels: vmLabels, siteLabels, ...(purpose ? { purpose } : {}) };
}

export const grant = z.strictObject({
  id: z.string(),
  /** Signed by the home domain, with each domain's signed consent inside. Secret, though useless without the caller's key. */
  jwt: z.string(),
  /** Every domain on the path, in order, each of which agreed. */
  domains: z.array(z.string()),
  window: timeWindow,
});

export const grantStatus = z.strictObject({
  id: z.string(),
  state: z.enum(["active", "expired", "revoked"]),
  domains: z.array(z.string()),
  window: timeWindow,
});

/** A grant as its caller finds it again, whose id was lost. */
export const grantListing = grantStatus.extend({ vm: z.string() });

/** One direction of travel under a grant. The token lives no longer than the window, nor than the domain's own limit. */
export interface TokenRequest {
  readonly grant: string;
  readonly from: string;
  readonly to: string;
  readonly bandwidthMbps: number;
  readonly window: TimeWindow;
  readonly vm: string;
  /** SHA-256 of the destination's pinned ssh host key, as ssh-keygen prints it ("SHA256:…"). */
  readonly siteKey: string;
  /** That begins when the VM arrives; absent where a path is reserved before it is known. */
  readonly epoch?: number | undefined;
  readonly encryption?: "tls" | "none" | undefined;
}

/** A token, and which domains it is for. */
export interface Token {
  readonly token: string;
  /** ISO 8601. */
  readonly expiresAt: string;
  readonly domains: readonly string[];
}

/** Body of every answer that is not 2xx. `domain` is the one that refused, which need not be the one asked. */
export const refusal = z.strictObject({
  error: z.string(),
  domain: z.string(),
  reason: z.string(),
  /** Its policy that refused, if one did. */
  policy: z.string().optional(),
  /** For as long as was asked for, later: there is room then. */
  nextFreeSlot: timeWindow.optional(),
  /** On the way, and down. */
  link: z.string().optional(),
});

/** A coordinating domain passes on the caller's token in this; a caller presents it by `Authorization: DPoP` (RFC 9449). */
export const TOKEN_HEADER = "turntable-token";

export type PathConstraints = z.output<typeof pathConstraints>;
export type TimeWindow = z.output<typeof timeWindow>;
export type GrantRequest = z.output<typeof grantRequest>;
export type Grant = z.output<typeof grant>;
export type GrantStatus = z.output<typeof grantStatus>;
export type GrantListing = z.output<typeof grantListing>;
export type Refusal = z.output<typeof refusal>;
