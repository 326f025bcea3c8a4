import { covers, type Scope } from "../../aaa/covers.ts";
import {
  CONSENT_TYPE,
  type ConsentDetails,
  consentClaims,
  issuerOf,
  type LightpathDetails,
  TOKEN_TYPE,
  type TokenClaims,
  tokenClaims,
} from "../../aaa/token.ts";
import type { TimeWindow } from "../../aaa/wire.ts";
import type { Connection } from "../../lightpath/drac/wire.ts";
import { CLOCK_TOLERANCE_MS } from "../clock-tolerance.ts";
import type { DomainConfig } from "../config.ts";
import { Refused } from "../refused.ts";
import { requireHost } from "./arrival.ts";
import type { Revocations } from "./revocations.ts";
import type { Signatures } from "./signatures.ts";

/** What was reserved, as far as a token must cover it. */
export type Reserved = Pick<Connection, "from" | "to" | "bandwidthMbps" | "vm">;

/** A token that this domain has verified for itself. */
export interface Admitted {
  readonly subject: string;
  /** The domain that signed it, and its number there. */
  readonly home: string;
  readonly token: string;
  readonly expiresMs: number;
  /** The VM's that begins at the end of the way; undefined if the token names none. */
  readonly epoch: number | undefined;
  readonly audience: readonly string[];
  readonly details: LightpathDetails;
  /** What this domain agreed to; undefined if it is not on the way. */
  readonly consent: ConsentDetails | undefined;
}

/** Decides whether a token is good for what is asked, from signatures and this domain's own memory alone. */
export class Authority {
  readonly #signatures: Signatures;
  readonly #revocations: Revocations;
  readonly #sites: DomainConfig["sites"];

  constructor(signatures: Signatures, revocations: Revocations, sites: DomainConfig["sites"]) {
    this.#signatures = signatures;
    this.#revocations = revocations;
    this.#sites = sites;
  }

  /** For a reservation: exactly this direction, within rate, window and VM. Rejects with Refused (403). */
  async admitReservation(token: string, wish: Reserved & { window: TimeWindow }): Promise<Admitted> {
    const { from, to, bandwidthMbps, window, vm } = wish;
    return await this.#admit(token, { between: [from, to], bandwidthMbps, window, vm }, ({ details }) =>
      details.from === from ? [] : [`it is for travel from ${details.from} to ${details.to}`],
    );
  }

  /** For using what is reserved already, in either direction: the token must cover this moment of it, or, before it begins, its first. */
  async admitUse(token: string, reserved: Reserved, beginsMs = 0): Promise<Admitted> {
    const { from, to, bandwidthMbps, vm } = reserved;
    const useMs = Math.max(beginsMs, Date.now());
    const at = (ms: number): string => new Date(useMs + ms).toISOString();
    // Clocks differ: a window may have begun for the client a little before it does here.
    const window = { start: at(CLOCK_TOLERANCE_MS), end: at(0) };
    return await this.#admit(token, { between: [from, to], bandwidthMbps, vm, window }, () => []);
  }

  /** For another rate or end of what is reserved, from now on, in either direction. */
  async admitModification(token: string, wanted: Reserved, endMs: number): Promise<Admitted> {
    const { from, to, bandwidthMbps, vm } = wanted;
    const [start, end] = [Date.now() + CLOCK_TOLERANCE_MS, endMs].map((ms) => new Date(ms).toISOString());
    const window = { start: start ?? "", end: end ?? "" };
    return await this.#admit(token, { between: [from, to], bandwidthMbps, vm, window }, () => []);
  }

  async #admit(token: string, wish: Scope, more: (admitted: Admitted) => readonly string[]): Promise<Admitted> {
    const { domain } = this.#signatures;
    const verified = await this.#signatures.verify(token, "the token", { typ: TOKEN_TYPE, audience: issuerOf(domain) });
    const claims = parseClaims(verified);
    const [details, ...placements] = claims.authorization_details;
    if (this.#revocations.has(claims.iss, details.grant)) {
      throw new Refused(403, "grant.over", `the grant ${details.grant} is revoked`);
    }
    if (this.#revocations.hasToken(claims.iss, details.grant, claims.jti)) {
      throw new Refused(403, "token.revoked", `the token ${claims.jti} is revoked`);
    }
    const consent = await this.#consent(claims, details);
    const admitted = {
      subject: claims.sub,
      home: claims.iss,
      token: claims.jti,
      expiresMs: claims.exp * 1_000,
      epoch: placements[0]?.epoch,
      audience: claims.aud,
      details,
      consent,
    };
    const right = { ...details, between: [details.from, details.to] } as const;
    const lacks = [...covers(right, wish), ...more(admitted)];
    if (lacks.length > 0)
      throw new Refused(403, "token.insufficient", `the token does not cover this: ${lacks.join("; ")}`);
    const dissent = consent === undefined ? [] : [...covers(consent, wish), ...againstDirection(consent, details)];
    if (dissent.length === 0) {
      requireHost(this.#sites, details, placements);
      return admitted;
    }
    throw new Refused(403, "consent.insufficient", `${domain} did not agree to this: ${dissent.join("; ")}`);
  }

  /** This domain's own signature, given to this home for this client's grant. */
  async #consent(claims: TokenClaims, details: LightpathDetails): Promise<ConsentDetails | undefined> {
    const { domain } = this.#signatures;
    if (!details.domains.includes(domain)) return undefined;
    const jwt = claims.consents[domain];
    if (jwt === undefined) throw new Refused(403, "consent.missing", `the token holds no consent of ${domain}`);
    const expected = { typ: CONSENT_TYPE, issuer: domain, audience: claims.iss, subject: claims.sub };
    const verified = await this.#signatures.verify(jwt, `the consent of ${domain}`, expected);
    const [consent] = consentClaims.parse(verified).authorization_details;
    if (consent.grant === details.grant) return consent;
    throw new Refused(403, "consent.insufficient", `${domain} agreed to another grant than the token's`);
  }
}

function againstDirection(consent: ConsentDetails, { from }: LightpathDetails): readonly string[] {
  return consent.from === undefined || consent.from === from ? [] : [`it is for travel from ${consent.from} only`];
}

function parseClaims(verified: unknown): TokenClaims {
  const claims = tokenClaims.safeParse(verified);
  if (claims.success) return claims.data;
  throw new Refused(403, "token.malformed", "the token has not the form of a lightpath's token");
}
