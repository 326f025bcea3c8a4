import type { Place } from "../../hypervisor.ts";
import { files } from "../files.ts";
import type { WayCredentials } from "./credentials.ts";

/** Names that libnbd and QEMU look for in a folder of credentials, and beside them whom stunnel shall believe. */
export const credentialFiles = (place: Place, role: "client" | "server") => {
  const directory = files(place.directory).wayCredentials;
  return {
    directory,
    authority: `${directory}/ca-cert.pem`,
    certificate: `${directory}/${role}-cert.pem`,
    key: `${directory}/${role}-key.pem`,
    peers: `${directory}/peers.pem`,
  };
};

/** Lays each end's credentials in the VM's directory there, readable by its owner alone. */
export async function deliver(source: Place, destination: Place, credentials: WayCredentials): Promise<void> {
  const { authority } = credentials;
  const here = credentialFiles(source, "client");
  const there = credentialFiles(destination, "server");
  await Promise.all([
    // libnbd looks at no name: it is pinned to the one leaf by knowing no other.
    source.host.writeFile(here.authority, credentials.destination.certificate),
    source.host.writeFile(here.certificate, credentials.source.certificate),
    source.host.writeFile(here.key, credentials.source.key),
    source.host.writeFile(here.peers, authority + credentials.destination.certificate),
    destination.host.writeFile(there.authority, authority),
    destination.host.writeFile(there.certificate, credentials.destination.certificate),
    destination.host.writeFile(there.key, credentials.destination.key),
    destination.host.writeFile(there.peers, authority + credentials.source.certificate),
  ]);
}

/** Whoever needs them has read them: they are gone from the hosts' disks before anything is copied. */
export async function takeBack(...places: readonly Place[]): Promise<void> {
  await Promise.all(places.map(({ host, directory }) => host.remove(files(directory).wayCredentials)));
}
