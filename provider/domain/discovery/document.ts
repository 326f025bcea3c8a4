import { z } from "zod";
import type { Signatures } from "../aaa/signatures.ts";
import { type Topology, topology } from "../config.ts";
import { Refused } from "../refused.ts";

const TYPE = "topology+jwt";
/** Whoever reads it: it is passed on from domain to domain. */
const AUDIENCE = "topology";
/** What nobody refreshes must not be believed for long, whatever its signer wishes. */
const LONGEST_LIFE_MS = 24 * 3_600_000;

/** A domain's description of itself: its STPs, and the links that end at it. */
const claims = z.object({ iss: z.string(), exp: z.number(), version: z.int().positive(), topology });

/** A description that was verified. */
export interface Statement {
  readonly domain: string;
  /** A later one replaces an earlier one. */
  readonly version: number;
  readonly expiresMs: number;
  readonly topology: Topology;
  /** As its domain signed it (JWS, RFC 7515). */
  readonly document: string;
}

export async function signStatement(
  signatures: Signatures,
  own: Topology,
  version: number,
  expiresMs: number,
): Promise<Statement> {
  const { domain } = signatures;
  const document = await signatures.sign(TYPE, { aud: AUDIENCE, version, topology: own }, expiresMs);
  return { domain, version, expiresMs, topology: own, document };
}

/**
 * Rejects with Refused (403): signed by a domain that is no peer, changed on the way, expired, or about what is not its own.
 */
export async function verifyStatement(signatures: Signatures, document: string): Promise<Statement> {
  const verified = await signatures.verify(document, "the topology", { typ: TYPE, audience: AUDIENCE });
  const read = claims.safeParse(verified);
  if (!read.success) throw new Refused(403, "topology.malformed", `it is no topology: ${z.prettifyError(read.error)}`);
  const { iss: domain, exp, version, topology: told } = read.data;
  const fault = faultOf(domain, told);
  if (fault !== undefined)
    throw new Refused(403, "topology.foreign", `${domain} describes what is not its own: ${fault}`);
  const expiresMs = exp * 1_000;
  if (expiresMs > Date.now() + LONGEST_LIFE_MS) {
    throw new Refused(403, "topology.long", `the topology of ${domain} is to hold for more than a day`);
  }
  return { domain, version, expiresMs, topology: told, document };
}

/** An STP's name begins with its domain's, so that nobody can claim another's. Undefined if all is the domain's own. */
export function faultOf(domain: string, { stps, links }: Topology): string | undefined {
  const stp = stps.find((one) => one.domain !== domain || !one.id.startsWith(`urn:ogf:network:${domain}:`));
  const link = links.find(({ a, b }) => a.domain !== domain && b.domain !== domain);
  return stp?.id ?? link?.id;
}
