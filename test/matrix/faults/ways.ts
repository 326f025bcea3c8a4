import { setTimeout as sleep } from "node:timers/promises";
import { cut } from "../../e2e/breakage.ts";
import { inside } from "../../e2e/world.ts";
import type { Mend, Setting } from "../scene.ts";
import type { Fault } from "./fault.ts";

const OUTAGE_MS = 5_000;

/** What goes in does not come out, and nobody is told; until the operator has seen to it. */
export const lightpathCut: Fault = {
  inject: ({ here }) => cut(here),
};

/** No packet passes the router: neither the controller's, nor domains', nor clients'. */
export const routedNetworkCut: Fault = {
  inject: (scene) => cutRouted(scene),
};

/** Both, which come back by themselves. */
export const bothCutForAWhile: Fault = {
  silencesDestination: true,
  async inject(scene) {
    const mends = await Promise.all([cut(scene.here), cutRouted(scene)]);
    const back = sleep(OUTAGE_MS).then(() => Promise.all(mends.map((mend) => mend())));
    back.catch(() => undefined);
    return async () => void (await back);
  },
};

async function cutRouted({ here }: Setting): Promise<Mend> {
  const { core } = here.lab.namespaces;
  const table = "table inet broken { chain forward { type filter hook forward priority 0; drop; }; }";
  await inside(core, "nft", table);
  return async () => void (await inside(core, "nft", "delete table inet broken"));
}
