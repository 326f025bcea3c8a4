import type { Admitted } from "../aaa/authority.ts";
import { Refused } from "../refused.ts";
import { isSame, type Named, type TokenName } from "./stored/segment.ts";
import type { Change } from "./stored/segments.ts";
import type { Sight } from "./stored/sight.ts";

/** The token as the store is asked about it. */
export function tokenOf({ home, token, details: { vm } }: Admitted): TokenName {
  return { home, token, vm };
}

/**
 * One use of each token: it serves for the connection, the VM and the VM's epoch that it first served for, as often as that
 * takes, and for no other; and no more once a later epoch of the VM has used that connection, so that a controller which was
 * overtaken lights nothing. Throws Refused (403) if the token served for another connection, over or not, or its epoch is past.
 */
export function requireUnused({ token: { serves, latestEpoch } }: Sight, admitted: Admitted, of: Named): void {
  const { epoch, details } = admitted;
  if (epoch !== undefined && latestEpoch !== undefined && latestEpoch > epoch) {
    const why = `the token is for epoch ${epoch} of ${details.vm}, and epoch ${latestEpoch} came since`;
    throw new Refused(403, "token.overtaken", why);
  }
  if (serves === undefined || isSame(serves, of)) return;
  throw new Refused(403, "token.used", `the token was used before, for ${serves.id} of ${serves.coordinator}`);
}

/** From now on it serves for this connection alone. Throws Refused (403) like `requireUnused`. */
export function use(sight: Sight, admitted: Admitted, of: Named): Change {
  requireUnused(sight, admitted, of);
  const { epoch, expiresMs } = admitted;
  return { kind: "use token", use: { ...tokenOf(admitted), epoch, expiresMs } };
}
