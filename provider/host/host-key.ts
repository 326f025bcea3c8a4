import { createHash } from "node:crypto";

/** SHA-256 of the key as `ssh-keygen -l` prints it: "SHA256:…" without padding. `hostKey` is "<type> <base64>". */
export function hostKeyFingerprint(hostKey: string): string {
  const blob = Buffer.from(hostKey.split(" ")[1] ?? "", "base64");
  return `SHA256:${createHash("sha256").update(blob).digest("base64").replace(/=+$/, "")}`;
}

/** A raw key of the ssh wire (RFC 4253, 6.6) in the form of known_hosts. */
export function hostKeyOf(blob: Buffer): string {
  const type = blob.subarray(4, 4 + blob.readUInt32BE(0)).toString("latin1");
  return `${type} ${blob.toString("base64")}`;
}
