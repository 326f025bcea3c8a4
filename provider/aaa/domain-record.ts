import { createHash, X509Certificate } from "node:crypto";
import { z } from "zod";

/** Where a domain's agent is and how to be sure that it is that domain. */
export const domainRecord = z.strictObject({
  name: z.string().regex(/^[a-z0-9.-]+$/, "must be a domain's name"),
  url: z.url({ protocol: /^https$/, error: "must be an https URL" }),
  /** SHA-256 of the agent's certificate, pinned: `certificateFingerprint` tells it of a PEM file. */
  fingerprint: z
    .string()
    .regex(/^SHA256:[A-Za-z0-9+/]{43}$/, "must be the fingerprint of the agent's certificate (SHA256:…)"),
});

export type DomainRecord = z.output<typeof domainRecord>;

/** SHA-256 of a certificate (PEM text, or parsed) in the form of ssh's fingerprints: "SHA256:…" without padding. Throws if it is none. */
export function certificateFingerprint(certificate: string | X509Certificate): string {
  const { raw } = typeof certificate === "string" ? new X509Certificate(certificate) : certificate;
  return `SHA256:${createHash("sha256").update(raw).digest("base64").replace(/=+$/, "")}`;
}
