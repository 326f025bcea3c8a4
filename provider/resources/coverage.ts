import { decodeJwt } from "jose";
import { covers } from "../aaa/covers.ts";
import { grantClaims } from "../aaa/token.ts";
import type { Location, PlacementInputs } from "../controller/placement.ts";

/** Ways for which domains are asked, and so a grant is needed. */
const ASKING_DOMAINS: ReadonlySet<PlacementInputs["lightpath"]["kind"]> = new Set(["reserved", "on-demand"]);

/**
 * What the grant that a placement names lacks for the move from there at this moment, one sentence each; nothing if it covers
 * it, if none is named, or if the way needs none. Only the domains know whether it is genuine and still good: this is for a
 * preview, which tells of a mistake before anybody is asked.
 */
export function lacksOf({ grant, lightpath, location, name }: PlacementInputs, from: Location): readonly string[] {
  if (grant === undefined || !ASKING_DOMAINS.has(lightpath.kind)) return [];
  const read = readGrant(grant.jwt);
  if (read === undefined) return ["it is not the grant of an AuthToken"];
  const [right] = read.authorization_details;
  const now = new Date().toISOString();
  const wish = {
    ...{ between: [from.stp, location.stp] as const, vm: name },
    ...{ bandwidthMbps: lightpath.bandwidthMbps, window: { start: now, end: now } },
  };
  const inClear = right.encryption === "tls" && lightpath.encryption === "none";
  return [...covers(right, wish), ...(inClear ? ["it is for moves in tls, not in the clear"] : [])];
}

function readGrant(jwt: string) {
  try {
    return grantClaims.safeParse(decodeJwt(jwt)).data;
  } catch {
    return undefined;
  }
}
