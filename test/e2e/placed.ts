import type { SiteName } from "../../examples/lab/layout.ts";
import { GuestControl } from "../../examples/lab/probe/guest-control.ts";
import { remains } from "./aftermath.ts";
import { settledTraces, type World, world } from "./world.ts";

/** The lab's VM, running at ams: to be moved, and broken in on. */
export interface Placed {
  readonly here: World;
  readonly guest: GuestControl;
  /** The guest's, at which its client reaches it. */
  readonly address: string;
  /** What a site is like without the VM. */
  readonly bare: Readonly<Record<SiteName, string>>;
  /** Takes the VM away. */
  remove(): Promise<void>;
}

/** Places the VM in this file's own lab. */
export async function place(): Promise<Placed> {
  const here = await world();
  await settledTraces(here);
  const bare = { ams: await remains(here, "ams"), san: await remains(here, "san") };
  const remove = async () => void (await here.pulumi.attempt("destroy", "--yes", "--skip-preview"));
  try {
    await here.pulumi.run("config", "set", "site", "ams");
    await here.pulumi.run("up", "--yes", "--skip-preview");
    const address = here.inventory.vm.network.address.split("/")[0] ?? "";
    const guest = await GuestControl.connect(here.inventory.namespaces.client, address, 60);
    return {
      ...{ here, guest, address, bare },
      async remove() {
        await guest.close();
        await remove();
      },
    };
  } catch (thrown) {
    await remove();
    throw thrown;
  }
}
