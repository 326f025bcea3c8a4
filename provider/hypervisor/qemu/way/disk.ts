import type { Place } from "../../hypervisor.ts";
import type { Qmp } from "../qmp.ts";
import { credentialFiles } from "./delivery.ts";

const CREDENTIALS = "way-credentials";
const PEER = "way-peer";

/** Nothing older is spoken, by whoever asks. */
export const TLS_1_3 = "NORMAL:-VERS-ALL:+VERS-TLS1.3";

/**
 * The destination's QEMU reads its credentials; resolves with the arguments of nbd-server-start under which it serves
 * its disks to the leaf of that name and to nobody else.
 */
export async function guardDisks(destination: Place, qmp: Qmp, peerName: string): Promise<Record<string, string>> {
  const { directory } = credentialFiles(destination, "server");
  await qmp.execute("object-add", {
    ...{ "qom-type": "tls-creds-x509", id: CREDENTIALS, dir: directory, endpoint: "server" },
    ...{ "verify-peer": true, priority: TLS_1_3 },
  });
  await qmp.execute("object-add", { "qom-type": "authz-simple", id: PEER, identity: peerName });
  return { "tls-creds": CREDENTIALS, "tls-authz": PEER };
}

/** What guardDisks made QEMU hold, for whoever ends the serving of disks. */
export const DISK_GUARDS: readonly string[] = [CREDENTIALS, PEER];

/** QEMU forgets the credentials; what is not there is fine. */
export async function dismissGuards(qmp: Qmp): Promise<void> {
  for (const id of DISK_GUARDS) await qmp.execute("object-del", { id }).catch(() => undefined);
}

/** The arguments with which nbdkit's nbd plugin speaks to nobody but the destination. */
export const guardedNearEnd = (source: Place): readonly string[] => [
  "tls=require",
  `tls-certificates=${credentialFiles(source, "client").directory}`,
];
