import { createHash } from "node:crypto";

/** The devices that make up a VM's own layer-2 segment at a host. */
export interface Segment {
  readonly bridge: string;
  readonly tap: string;
  readonly vxlan: string;
}

/** Names derived from the VM's, within the kernel's 15 characters (IFNAMSIZ), the same at every site. */
export function segmentOf(vm: string): Segment {
  const id = createHash("sha256").update(vm).digest("hex").slice(0, 8);
  return { bridge: `ttb-${id}`, tap: `ttt-${id}`, vxlan: `ttx-${id}` };
}
