import type * as pulumi from "@pulumi/pulumi";

/** A machine that is reached by ssh, and has an end of tunnels. */
export interface HostArgs {
  /** Short lower-case name, unique at its site. */
  name: pulumi.Input<string>;
  /** Address or name at which ssh is reached. */
  address: pulumi.Input<string>;
  /** Default 22. */
  port?: pulumi.Input<number> | undefined;
  /** Default "root". */
  user?: pulumi.Input<string> | undefined;
  /** The host's public key as in known_hosts ("ssh-ed25519 AAAA…"). Pinned: a host that shows another key is refused. */
  hostKey: pulumi.Input<string>;
  /** Folder (absolute path) under which VMs, or at a gateway tunnels, keep their files. */
  storage: pulumi.Input<string>;
  /** IPv4 address on the routed network, where tunnels end. */
  tunnel: pulumi.Input<{ address: pulumi.Input<string> }>;
}
