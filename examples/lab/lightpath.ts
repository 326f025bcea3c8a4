import { ipBatch } from "./command.ts";
import { CHANNELS, type Lab, LIGHTPATH_MTU, SITES, switchOf } from "./layout.ts";
import { brokenCables, type Cable, describeEnd, layCable } from "./network.ts";
import type { Piece } from "./piece.ts";

/**
 * The lightpath's ports, one per channel: host lp ↔ uni of its domain's switch, and ams' east ↔ transit's west.
 * A site's port is set up when it is lit, a link's by its domain's agent, and nothing but that joins two ports of a switch.
 */
export function lightpathPiece(lab: Lab): Piece {
  const cables = CHANNELS.flatMap((channel) => cablesOf(lab, channel));
  return {
    name: "lightpath ports",
    purpose: `${CHANNELS.length} channels from each site to its domain's switch and on to transit; dark until an agent joins them`,
    async inspect() {
      const broken = await brokenCables(cables);
      return broken.length === 0
        ? undefined
        : `missing: ${broken.map((cable) => describeEnd(cable.ends[0])).join(", ")}`;
    },
    async make() {
      await ipBatch(await Promise.all((await brokenCables(cables)).map(layCable)));
    },
  };
}

function cablesOf(lab: Lab, channel: number): readonly Cable[] {
  const access = SITES.map((site): Cable => {
    const host = { namespace: lab.namespaces[site], device: `lp${channel}` };
    return { ends: [host, { namespace: lab.namespaces[switchOf(site)], device: `uni${channel}` }], mtu: LIGHTPATH_MTU };
  });
  const trunk: Cable = {
    ends: [
      { namespace: lab.namespaces["ams-switch"], device: `east${channel}` },
      { namespace: lab.namespaces["transit-switch"], device: `west${channel}` },
    ],
    mtu: LIGHTPATH_MTU,
  };
  return [...access, trunk];
}
