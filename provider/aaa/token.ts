import { z } from "zod";
import { encryption, timeWindow } from "./wire.ts";

/** `typ` headers: a signature made for one purpose serves no other. */
export const GRANT_TYPE = "turntable-grant+jwt";
export const WISH_TYPE = "turntable-wish+jwt";
export const CONSENT_TYPE = "turntable-consent+jwt";
export const TOKEN_TYPE = "at+jwt";

/** A domain as an authorization server (RFC 8414) and as a resource (RFC 8707), wherever its agent is reached. */
export const issuerOf = (domain: string): string => `https://${domain}`;

/** The domain of an issuer or a resource; a bare name stays as it is. */
export const domainOfIssuer = (issuer: string): string => issuer.replace(/^https:\/\//, "");

const stps = z.tuple([z.string(), z.string()]);
/** Where travel begins, if it may go one way only; and what was said of encryption. */
const said = { from: z.string().optional(), encryption: encryption.optional() };

/** What one domain agreed to: two sides of its switch, of which one port each may be joined. */
export const consentDetails = z.object({
  type: z.literal("lightpath-consent"),
  ...said,
  grant: z.string(),
  between: stps,
  bandwidthMbps: z.number(),
  window: timeWindow,
  vm: z.string(),
  sides: z.tuple([z.array(z.string()), z.array(z.string())]),
});

/** What a grant covers, in either direction. */
export const grantDetails = z.object({
  type: z.literal("lightpath-grant"),
  ...said,
  between: stps,
  bandwidthMbps: z.number(),
  window: timeWindow,
  vm: z.string(),
  domains: z.array(z.string()).min(1),
});

/** What a token covers: one direction of travel (RFC 9396 form). */
export const lightpathDetails = z.object({
  type: z.literal("lightpath"),
  from: z.string(),
  to: z.string(),
  bandwidthMbps: z.number(),
  window: timeWindow,
  vm: z.string(),
  siteKey: z.string(),
  domains: z.array(z.string()).min(1),
  grant: z.string(),
});

/** What else a token lets happen at the end of that way: which VM a site may accept, at the host with which key. */
export const placementDetails = z.object({
  type: z.literal("vm-placement"),
  vm: z.string().min(1),
  /** The STP of the site. */
  site: z.string(),
  siteKey: z.string().min(1),
  /** Which one of the VM's lives begins there. Absent where it is not known yet. */
  epoch: z.int().positive().optional(),
});

/** Each domain's signed consent, by the domain's name. */
const consents = z.record(z.string(), z.string());

export const consentClaims = z.object({ authorization_details: z.tuple([consentDetails]) });
export const grantClaims = z.object({
  sub: z.string(),
  jti: z.string(),
  authorization_details: z.tuple([grantDetails]),
  consents,
});
const domain = z.string().transform(domainOfIssuer);

/** An access token (RFC 9068), domains by their names; `cnf.jkt`: whose key must be proven with it (RFC 9449). */
export const tokenClaims = z.object({
  iss: domain,
  sub: z.string(),
  aud: z.array(domain),
  jti: z.string(),
  exp: z.number(),
  cnf: z.object({ jkt: z.string() }),
  authorization_details: z.tuple([lightpathDetails], placementDetails),
  consents,
});

export type ConsentDetails = z.output<typeof consentDetails>;
export type GrantDetails = z.output<typeof grantDetails>;
export type LightpathDetails = z.output<typeof lightpathDetails>;
export type PlacementDetails = z.output<typeof placementDetails>;
export type TokenClaims = z.output<typeof tokenClaims>;
