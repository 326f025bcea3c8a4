import type { ConsentDetails } from "../../aaa/token.ts";
import type { Admitted } from "../aaa/authority.ts";
import type { Terminal } from "../element/element.ts";
import type { Known } from "../load.ts";
import { Refused } from "../refused.ts";
import { type Booking, peakMbps, type Span } from "./calendar.ts";

/** The way of a connection through a domain. */
export interface WayThrough {
  /** The STP at which it begins. */
  readonly from: string;
  readonly ends: readonly [Terminal, Terminal];
}

/** A grant's name, unique among all homes. */
export function grantOf({ home, details }: Admitted): string {
  return `${home} ${details.grant}`;
}

/** A token is for whom it was given to. Throws Refused (403). */
export function requireSubject(subject: string, { id }: Known): void {
  if (subject !== id) throw new Refused(403, "token.insufficient", `the token was given to ${subject}, not to ${id}`);
}

/** The way must be one that this domain agreed to, and the coordinator one that the token is for. Throws Refused (403). */
export function requireWay(
  domain: string,
  coordinator: string,
  way: WayThrough,
  { consent, audience }: Admitted,
): void {
  if (!audience.includes(coordinator)) {
    throw new Refused(403, "token.insufficient", `the token is not for connections that ${coordinator} coordinates`);
  }
  if (consent && leadsThrough(consent, way)) return;
  const [inward, out] = way.ends;
  const through = `from ${inward.port} to ${out.port} of ${domain}`;
  throw new Refused(403, "consent.insufficient", `${domain} did not agree to the way ${through}`);
}

/**
 * A grant is for so much at any one time, however many tokens are minted under it and connections reserved or joined
 * with them. Throws Refused (409). `bookings`: what is taken under it already.
 */
export function requireRate(
  domain: string,
  { consent }: Admitted,
  bookings: readonly Booking[],
  bandwidthMbps: number,
  span: Span,
): void {
  const allowed = consent?.bandwidthMbps ?? 0;
  const taken = peakMbps(bookings, span);
  if (taken + bandwidthMbps <= allowed) return;
  const use = `of the ${allowed} Mbps that ${domain} agreed to, ${taken} Mbps are reserved at that time`;
  throw new Refused(409, "grant.used", `the grant does not cover another ${bandwidthMbps} Mbps: ${use}`);
}

function leadsThrough({ between, sides }: ConsentDetails, { from, ends: [inward, out] }: WayThrough): boolean {
  const [before, after] = between[0] === from ? sides : sides.toReversed();
  return (before?.includes(inward.port) && after?.includes(out.port)) ?? false;
}
