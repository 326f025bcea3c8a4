import * as pulumi from "@pulumi/pulumi";
import type { PathConstraints, TimeWindow } from "../provider/aaa/wire.ts";
import { hostKeyFingerprint } from "../provider/host/host-key.ts";
import type { ConnectionState } from "../provider/lightpath/drac/wire.ts";
import type { AuthToken } from "./auth-token.ts";
import { shell } from "./shell.ts";
import type { Site } from "./site.ts";

export type { ConnectionState };

export interface LightpathArgs {
  /** The two sites, in any order: the path serves moves in both directions. */
  between: [Site, Site];
  /** Reserved rate, in Mbit/s. */
  bandwidthMbps: pulumi.Input<number>;
  /** Largest packet on the path, in bytes. Default 9000. */
  mtu?: pulumi.Input<number> | undefined;
  /** By the clock, ISO 8601 in UTC. Absent: on demand, from creation for `hours`, but no longer than the grant. */
  window?: pulumi.Input<{ start: pulumi.Input<string>; end: pulumi.Input<string> }> | undefined;
  /** How long a path on demand is kept, in hours. Default 24. */
  hours?: pulumi.Input<number> | undefined;
  /** Name of the VM (`VmPlacement.name`) that will move over it. */
  vm: pulumi.Input<string>;
  /** What its way over the domains must keep to: a largest delay, domains on it, what to avoid. The grant's must lead over such a way. Default: nothing. */
  constraints?: pulumi.Input<PathConstraints> | undefined;
  /** The grant under which it is reserved. Its home domain is asked. */
  grant: AuthToken;
  /** What becomes of the path after each move. Default "release": no packet passes until the next one. */
  afterUse?: pulumi.Input<"release"> | undefined;
}

function endOf({ location }: Site) {
  const siteKey = pulumi.output(location.hosts).apply((hosts) => hostKeyFingerprint(hosts[0]?.hostKey ?? ""));
  return { name: location.name, stp: location.stp, siteKey };
}

/** Capacity reserved between two sites. The data plane is up only while a move uses it. */
export class Lightpath extends pulumi.dynamic.Resource {
  declare readonly connectionId: pulumi.Output<string>;
  declare readonly state: pulumi.Output<ConnectionState>;
  declare readonly bandwidthMbps: pulumi.Output<number>;
  declare readonly mtu: pulumi.Output<number>;
  /** Domains crossed, in order. */
  declare readonly hops: pulumi.Output<string[]>;
  /** Sum of the links' delays there and back, in milliseconds. */
  declare readonly rttMs: pulumi.Output<number>;
  /** The window that was reserved. */
  declare readonly reserved: pulumi.Output<TimeWindow>;
  readonly grant: AuthToken["reference"];

  constructor(name: string, args: LightpathArgs, opts?: pulumi.CustomResourceOptions) {
    const between = args.between.map(endOf);
    const outputs = {
      connectionId: undefined,
      state: undefined,
      hops: undefined,
      rttMs: undefined,
      reserved: undefined,
    };
    const options = pulumi.mergeOptions(opts, { dependsOn: args.between, additionalSecretOutputs: ["grant"] });
    const props = { ...args, between, grant: args.grant.reference, ...outputs };
    super(shell("Lightpath"), name, props, options, "turntable", "Lightpath");
    this.grant = args.grant.reference;
  }
}
