import type { LightpathDetails, PlacementDetails } from "../../aaa/token.ts";
import type { DomainConfig } from "../config.ts";
import { Refused } from "../refused.ts";

/**
 * The domain of a site is asked before a VM can come there, and makes sure for itself that it comes to a machine of that site: a
 * token names the machine that the caller means, by its host key. Throws Refused (403). `sites`: of this domain.
 */
export function requireHost(
  sites: DomainConfig["sites"],
  { to, vm }: LightpathDetails,
  placements: readonly PlacementDetails[],
): void {
  const site = sites[to];
  if (site === undefined || (placements.length === 0 && site.unnamed)) return;
  if (placements.length === 0) throw refused(`the token does not name the host at ${to} that takes ${vm} in`);
  const foreign = placements.find((one) => one.vm !== vm || one.site !== to || !site.hostKeys.includes(one.siteKey));
  if (foreign === undefined) return;
  const { siteKey } = foreign;
  throw refused(
    `the token lets ${foreign.vm} come to a host with the key ${siteKey}, which is none of ${to}'s for ${vm}`,
  );
}

const refused = (reason: string) => new Refused(403, "host.unknown", reason);
