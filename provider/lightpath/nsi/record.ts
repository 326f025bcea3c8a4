import { z } from "zod";

const nsaName = z.string().startsWith("urn:ogf:network:", "must be an NSA's name (urn:ogf:network:…)").max(256);
const httpsUrl = z.url({ protocol: /^https$/, error: "must be an https URL" });
const fingerprint = z
  .string()
  .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "must be the fingerprint of a certificate (SHA256:…)");

/** A provider of NSI's Connection Service 2.0, and this program as a requester that it knows. */
export const nsiRecord = z.strictObject({
  kind: z.literal("nsi"),
  /** The provider's NSA. */
  provider: nsaName,
  url: httpsUrl,
  /** SHA-256 of the certificate that it shows, as server and when it calls back. */
  fingerprint,
  /** Of the certificate that it calls back with, if that is another. */
  callbackFingerprint: fingerprint.optional(),
  /** Our own NSA, as the provider knows it. */
  requester: nsaName,
  /** Where the provider reaches this program while `pulumi up` runs, and what is listened on for that. */
  callback: z.strictObject({ url: httpsUrl, address: z.string().default("0.0.0.0"), port: z.int().min(0).max(65_535) }),
  /**
   * By a site's STP: the provider's name for it, with the VLANs that the site's lightpath devices are of, in their order
   * ("urn:…?vlan=1780-1783" for four of them). Absent: the site's own.
   */
  stps: z.record(z.string(), z.string()).default({}),
  /** Round trip in ms, for the size of the first window: NSI does not tell it. */
  rttMs: z.number().positive().default(10),
});

export type NsiRecord = z.output<typeof nsiRecord>;
