import type { Place } from "../../provider/hypervisor/hypervisor.ts";
import type { Leaf } from "../../provider/hypervisor/qemu/way/credentials.ts";
import { credentialFiles } from "../../provider/hypervisor/qemu/way/delivery.ts";

/** A host shows another leaf than the one that was minted for it, or none. */
export async function show(place: Place, role: "client" | "server", leaf: Leaf | undefined): Promise<void> {
  const at = credentialFiles(place, role);
  if (!leaf) {
    await place.host.remove(at.certificate);
    await place.host.remove(at.key);
    return;
  }
  await place.host.writeFile(at.certificate, leaf.certificate);
  await place.host.writeFile(at.key, leaf.key);
}
